//! [`Members`]: fields as the members of a JSON object.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::escape::{push_displayed, push_string};

/// Appends each field as `"name":value,`.
pub(crate) struct Members<'a> {
    line: &'a mut String,
}

impl<'a> Members<'a> {
    pub(crate) fn of(line: &'a mut String) -> Self {
        Self { line }
    }

    fn member(&mut self, field: &Field, push_value: impl FnOnce(&mut String)) {
        push_string(self.line, field.name());
        self.line.push(':');
        push_value(self.line);
        self.line.push(',');
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |line| push_string(line, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |line| {
            line.push_str(itoa::Buffer::new().format(value));
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |line| {
            line.push_str(itoa::Buffer::new().format(value));
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |line| {
            line.push_str(if value { "true" } else { "false" });
        });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field, |line| {
            if value.is_finite() {
                // As few digits as tell it from all others, and always a point
                // or an exponent.
                let _written = write!(line, "{value:?}");
            } else {
                line.push_str("null");
            }
        });
    }

    /// Also what JSON has no number for: whatever needs more than 64 bits.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |line| {
            push_displayed(line, format_args!("{value:?}"))
        });
    }
}
