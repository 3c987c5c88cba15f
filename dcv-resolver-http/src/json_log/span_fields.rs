//! [`SpanFields`].

use serde_json::{Map, Value};
use tracing::span::{Attributes, Record};

use super::members::Members;

/// The fields of a span as the members of an object, `"name":value,` each:
/// rendered when the span begins, and copied into the line of each event.
#[derive(Debug)]
pub(crate) struct SpanFields(String);

/// Enough for the span of a request.
const USUAL_BYTES: usize = 192;

impl SpanFields {
    pub(crate) fn of(attributes: &Attributes<'_>) -> Self {
        let mut members = String::with_capacity(USUAL_BYTES);
        attributes.record(&mut Members::of(&mut members));
        Self(members)
    }

    /// What a span learns later.
    pub(crate) fn recorded(values: &Record<'_>) -> Self {
        let mut members = String::new();
        values.record(&mut Members::of(&mut members));
        Self(members)
    }

    pub(crate) fn members(&self) -> &str {
        &self.0
    }

    /// Adds them. Of a field that is there already the later value holds.
    ///
    /// It is read again for that, which takes its time, but is seldom.
    pub(crate) fn add(&mut self, later: &Self) {
        let mut all = self.object();
        all.extend(later.object());
        self.0.clear();
        for (name, value) in all {
            self.0 += &format!("{}:{value},", Value::from(name));
        }
    }

    fn object(&self) -> Map<String, Value> {
        let members = self.0.strip_suffix(',').unwrap_or_default();
        // An object is what was written.
        serde_json::from_str(&format!("{{{members}}}")).unwrap_or_default()
    }
}
