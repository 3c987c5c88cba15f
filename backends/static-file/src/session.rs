//! Reads one session out of its [`Node`].

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use dcv_resolver_core::{Expiry, InvalidRecord, SessionId, SessionRecord, Timestamp};

use crate::Format;
use crate::diagnostic::{Diagnostics, Quoted};
use crate::field::Field;
use crate::node::{Entry, Key, Node, Value};
use crate::spelling;

/// Returns the record, or `None` after adding what is wrong to `diagnostics`.
///
/// `id` is `None` where the key is not a session id, which is among the
/// diagnostics already.
pub(crate) fn read(
    id: Option<&SessionId>,
    key: &Key<'_>,
    node: &Node<'_>,
    format: Format,
    diagnostics: &mut Diagnostics,
) -> Option<SessionRecord> {
    let Value::Table(entries) = &node.value else {
        diagnostics.add(
            node.offset,
            format_args!(
                "session {} is {}; expected {} with its fields",
                Quoted(&key.text),
                node.value.describe(format),
                format.table(),
            ),
        );
        return None;
    };
    let before = diagnostics.count();
    let mut session = Session {
        fields: [None; Field::ALL.len()],
        format,
        diagnostics,
    };
    session.sort(entries);

    let host = session.parse(Field::Host);
    if session.get(Field::Host).is_none() {
        session.diagnostics.add(
            key.offset,
            format_args!(
                "session {} has no `{}`",
                Quoted(&key.text),
                Field::Host.name(format)
            ),
        );
    }
    let http_port = session.port(Field::HttpPort);
    let quic_port = session.port(Field::QuicPort);
    if session.get(Field::HttpPort).is_none() && session.get(Field::QuicPort).is_none() {
        session.diagnostics.add(
            key.offset,
            format_args!(
                "session {} has neither `{}` nor `{}`; expected at least one",
                Quoted(&key.text),
                Field::HttpPort.name(format),
                Field::QuicPort.name(format),
            ),
        );
    }
    let expiry = session.expiry();
    let target_id: Option<SessionId> = session.parse(Field::TargetId);
    let web_url_path = session.parse(Field::WebUrlPath);
    let state = session.parse(Field::State);
    let owner = session.text(Field::Owner);
    let labels = session.labels();

    if session.diagnostics.count() > before {
        return None;
    }
    SessionRecord::builder(id?.clone(), host?, expiry)
        .http_port(http_port)
        .quic_port(quic_port)
        .target_id(target_id)
        .web_url_path(web_url_path.unwrap_or_default())
        .state(state.unwrap_or_default())
        .owner(owner)
        .labels(labels)
        .build()
        .map_err(|error| diagnostics.add(key.offset, format_args!("{error}")))
        .ok()
}

/// The fields of a session, by [`Field`].
struct Session<'n, 'm> {
    fields: [Option<&'n Node<'n>>; Field::ALL.len()],
    format: Format,
    diagnostics: &'m mut Diagnostics,
}

impl<'n> Session<'n, '_> {
    fn sort(&mut self, entries: &'n [Entry<'n>]) {
        // A field that is null is absent, and still a duplicate the second time.
        let mut seen = [false; Field::ALL.len()];
        for Entry { key, node } in entries {
            let Some(field) = Field::of(&key.text, self.format) else {
                self.unknown(key, node);
                continue;
            };
            if let Some(seen) = seen.get_mut(field as usize)
                && std::mem::replace(seen, true)
            {
                let name = field.name(self.format);
                self.diagnostics
                    .add(key.offset, format_args!("`{name}` is given twice"));
            } else if let Some(slot) = self.fields.get_mut(field as usize)
                && !matches!(node.value, Value::Null)
            {
                *slot = Some(node);
            }
        }
    }

    fn unknown(&mut self, key: &Key<'_>, node: &Node<'_>) {
        let unknown = Unknown {
            name: &key.text,
            is_table: matches!(node.value, Value::Table(_)),
            format: self.format,
        };
        self.diagnostics.add(key.offset, format_args!("{unknown}"));
    }

    fn get(&self, field: Field) -> Option<&'n Node<'n>> {
        self.fields.get(field as usize).copied().flatten()
    }

    /// Adds a diagnostic that starts with the name of `field`, at `node`.
    fn diagnostic(&mut self, field: Field, node: &Node<'_>, message: fmt::Arguments<'_>) {
        let name = field.name(self.format);
        self.diagnostics
            .add(node.offset, format_args!("`{name}` {message}"));
    }

    fn wrong_type(&mut self, field: Field, node: &Node<'_>, expected: &str) {
        let found = node.value.describe(self.format);
        self.diagnostic(field, node, format_args!("is {found}; expected {expected}"));
    }

    fn text(&mut self, field: Field) -> Option<&'n str> {
        let node = self.get(field)?;
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        self.wrong_type(field, node, "a string");
        None
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&mut self, field: Field) -> Option<T> {
        let text = self.text(field)?;
        self.parse_text(field, text)
    }

    fn parse_text<T: FromStr<Err: fmt::Display>>(&mut self, field: Field, text: &str) -> Option<T> {
        let node = self.get(field)?;
        text.parse()
            .map_err(|error| {
                self.diagnostic(field, node, format_args!("is {}: {error}", Quoted(text)));
            })
            .ok()
    }

    fn port(&mut self, field: Field) -> Option<u16> {
        let node = self.get(field)?;
        match &node.value {
            Value::Integer(number) => match u16::try_from(*number) {
                Ok(port) if port > 0 => return Some(port),
                _ => self.diagnostic(
                    field,
                    node,
                    format_args!("is {number}: {}", InvalidRecord::PortZero),
                ),
            },
            Value::Text(text) => self.diagnostic(
                field,
                node,
                format_args!(
                    "is the string {}; expected a number without quotes",
                    Quoted(text)
                ),
            ),
            _ => self.wrong_type(field, node, "a number from 1 to 65535"),
        }
        None
    }

    fn expiry(&mut self) -> Expiry {
        let at = self.expires_at();
        let at_ms = self.expires_at_ms();
        if let (Some(date), Some(ms)) = (self.get(Field::ExpiresAt), self.get(Field::ExpiresAtMs)) {
            let (field, other, node) = if date.offset > ms.offset {
                (Field::ExpiresAt, Field::ExpiresAtMs, date)
            } else {
                (Field::ExpiresAtMs, Field::ExpiresAt, ms)
            };
            let other = other.name(self.format);
            self.diagnostic(
                field,
                node,
                format_args!("conflicts with `{other}`; give one of them"),
            );
        }
        at.or(at_ms).into()
    }

    fn expires_at(&mut self) -> Option<Timestamp> {
        let node = self.get(Field::ExpiresAt)?;
        match &node.value {
            Value::DateTime(text) => self.parse_text(Field::ExpiresAt, text),
            Value::Text(text) => self.parse_text(Field::ExpiresAt, text),
            Value::Integer(_) => {
                let ms = Field::ExpiresAtMs.name(self.format);
                self.diagnostic(
                    Field::ExpiresAt,
                    node,
                    format_args!(
                        "is an integer; expected a date and time such as \
                         2026-01-02T03:04:05Z; milliseconds go into `{ms}`"
                    ),
                );
                None
            }
            _ => {
                let expected = "a date and time such as 2026-01-02T03:04:05Z";
                self.wrong_type(Field::ExpiresAt, node, expected);
                None
            }
        }
    }

    fn expires_at_ms(&mut self) -> Option<Timestamp> {
        let node = self.get(Field::ExpiresAtMs)?;
        if let Value::Integer(unix_ms) = node.value {
            // A time before 1970 has expired in any unit.
            if unix_ms < 0 {
                return Some(Timestamp::from_unix_ms(unix_ms));
            }
            return Timestamp::from_plausible_unix_ms(unix_ms)
                .map_err(|error| {
                    self.diagnostic(
                        Field::ExpiresAtMs,
                        node,
                        format_args!("is {unix_ms}: {error}"),
                    );
                })
                .ok();
        }
        let expected = "an integer, the milliseconds since 1970-01-01T00:00:00Z";
        self.wrong_type(Field::ExpiresAtMs, node, expected);
        None
    }

    fn labels(&mut self) -> Vec<(&'n str, &'n str)> {
        let Some(node) = self.get(Field::Labels) else {
            return Vec::new();
        };
        let Value::Table(entries) = &node.value else {
            let expected = format!("{} of strings", self.format.table());
            self.wrong_type(Field::Labels, node, &expected);
            return Vec::new();
        };
        let mut names = BTreeSet::new();
        let mut labels = Vec::with_capacity(entries.len());
        for Entry { key, node } in entries {
            let name = &*key.text;
            if !names.insert(name) {
                self.diagnostics.add(
                    key.offset,
                    format_args!("label {} is given twice", Quoted(name)),
                );
            }
            match &node.value {
                Value::Text(value) => labels.push((name, &**value)),
                other => {
                    let found = other.describe(self.format);
                    self.diagnostics.add(
                        node.offset,
                        format_args!("label {} is {found}; expected a string", Quoted(name)),
                    );
                }
            }
        }
        labels
    }
}

/// An unknown field. The hint is computed only when it is displayed.
struct Unknown<'a> {
    name: &'a str,
    is_table: bool,
    format: Format,
}

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Field::ALL.map(|field| field.name(self.format));
        let hint = spelling::hint(self.name, names);
        write!(f, "unknown field {}{hint}", Quoted(self.name))?;
        if !hint.is_empty() {
            return Ok(());
        }
        if self.is_table && self.format == Format::Toml {
            return f.write_str("; an id with a dot needs quotes: [sessions.\"ws-17.dcv\"]");
        }
        write!(f, "; expected one of {}", names.join(", "))
    }
}
