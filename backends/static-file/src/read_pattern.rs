//! Reads one pattern out of its [`Node`].

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use dcv_resolver_core::{Host, SessionId, WebUrlPath};
use regex::bytes::Regex;

use crate::Format;
use crate::diagnostic::{Diagnostics, Quoted};
use crate::expression::compile;
use crate::node::{Entry, Node, Value};
use crate::pattern::{Port, SessionPattern};
use crate::spelling;
use crate::template::Template;

const FIELDS: [&str; 6] = [
    "match",
    "host",
    "target_id",
    "http_port",
    "quic_port",
    "web_url_path",
];

/// Returns the pattern, or `None` after adding what is wrong to `diagnostics`.
pub(crate) fn read(
    node: &Node<'_>,
    path: &Arc<Path>,
    line: usize,
    diagnostics: &mut Diagnostics,
) -> Option<SessionPattern> {
    let before = diagnostics.count();
    let Value::Table(entries) = &node.value else {
        let found = node.value.describe(Format::Toml);
        diagnostics.add(
            node.offset,
            format_args!("a pattern is {found}; expected a table, [[patterns]]"),
        );
        return None;
    };
    let mut table = Table {
        entries,
        diagnostics,
    };
    table.refuse_unknown_fields();
    for required in ["match", "host"] {
        if table.get(required).is_none() {
            table
                .diagnostics
                .add(node.offset, format_args!("the pattern has no `{required}`"));
        }
    }
    if table.get("http_port").is_none() && table.get("quic_port").is_none() {
        table.diagnostics.add(
            node.offset,
            format_args!(
                "the pattern has neither `http_port` nor `quic_port`; expected at least one"
            ),
        );
    }
    // The groups of the templates are those of the expression.
    let expression = table.text("match")?;
    let regex = table.compiled(expression)?;
    let host = table.template::<Host>("host", &regex);
    let target_id = table.template::<SessionId>("target_id", &regex);
    let http_port = table.port("http_port", &regex);
    let quic_port = table.port("quic_port", &regex);
    let web_url_path = table.template::<WebUrlPath>("web_url_path", &regex);
    if diagnostics.count() > before {
        return None;
    }
    Some(SessionPattern {
        path: Arc::clone(path),
        line,
        expression: expression.into(),
        regex,
        host: host?,
        target_id,
        http_port,
        quic_port,
        web_url_path,
    })
}

struct Table<'n, 'd> {
    entries: &'n [Entry<'n>],
    diagnostics: &'d mut Diagnostics,
}

impl<'n> Table<'n, '_> {
    fn refuse_unknown_fields(&mut self) {
        for Entry { key, .. } in self.entries {
            if !FIELDS.contains(&&*key.text) {
                let mut hint = spelling::hint(&key.text, FIELDS);
                if hint.is_empty() {
                    hint = format!("; expected one of {}", FIELDS.join(", "));
                }
                let name = Quoted(&key.text);
                self.diagnostics
                    .add(key.offset, format_args!("unknown field {name}{hint}"));
            }
        }
    }

    fn get(&self, field: &str) -> Option<&'n Node<'n>> {
        let entry = self.entries.iter().find(|entry| entry.key.text == field);
        entry.map(|entry| &entry.node)
    }

    /// Adds a diagnostic that starts with the name of `field`, at its value.
    fn diagnostic(&mut self, field: &str, node: &Node<'_>, message: fmt::Arguments<'_>) {
        self.diagnostics
            .add(node.offset, format_args!("`{field}` {message}"));
    }

    fn text(&mut self, field: &str) -> Option<&'n str> {
        let node = self.get(field)?;
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        let found = node.value.describe(Format::Toml);
        self.diagnostic(field, node, format_args!("is {found}; expected a string"));
        None
    }

    fn compiled(&mut self, text: &str) -> Option<Regex> {
        let node = self.get("match")?;
        match compile(text) {
            Ok(regex) => Some(regex),
            Err(error) => {
                // Its text has several lines, of which the last says what is wrong.
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let text = Quoted(text);
                self.diagnostic("match", node, format_args!("is {text}: {reason}"));
                None
            }
        }
    }

    /// Returns the template in `field`. Without a group, it must be a `T`.
    fn template<T: FromStr<Err: fmt::Display>>(
        &mut self,
        field: &str,
        regex: &Regex,
    ) -> Option<Template> {
        let text = self.text(field)?;
        let node = self.get(field)?;
        let template = match Template::parse(text, regex) {
            Ok(template) => template,
            Err(error) => {
                let text = Quoted(text);
                self.diagnostic(field, node, format_args!("is {text}: {error}"));
                return None;
            }
        };
        if let Some(Err(error)) = template.as_constant().map(str::parse::<T>) {
            let text = Quoted(text);
            self.diagnostic(field, node, format_args!("is {text}: {error}"));
            return None;
        }
        Some(template)
    }

    /// Returns the template of a port, which is a number or a string.
    fn port(&mut self, field: &str, regex: &Regex) -> Option<Template> {
        let node = self.get(field)?;
        let Value::Integer(number) = node.value else {
            return self.template::<Port>(field, regex);
        };
        if let Err(error) = number.to_string().parse::<Port>() {
            self.diagnostic(field, node, format_args!("is {number}: {error}"));
            return None;
        }
        Some(Template::constant(number.to_string()))
    }
}
