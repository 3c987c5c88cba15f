//! Reads TOML.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use crate::Format;
use crate::collector::Collector;
use crate::diagnostic::Quoted;
use crate::node::{Entry, Key, MAX_DEPTH, Node, Value};
use crate::spelling;

/// In a larger file, only the first syntax error is reported, because each of
/// them takes memory. A file of this size with its errors takes no more memory
/// than the largest file without.
const MAX_RECOVERY_BYTES: usize = 1 << 20;

pub(crate) fn read(text: &str, collector: &mut Collector) {
    let first = match DeTable::parse(text) {
        Ok(document) => return read_document(text, document.into_inner(), collector),
        Err(first) => first,
    };
    if text.len() > MAX_RECOVERY_BYTES {
        return syntax_error(text, &first, collector);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        syntax_error(text, error, collector);
    }
    // After a duplicate key, the rest is parsed reliably. After any other
    // error, diagnostics of the rest may be caused by the recovery.
    if errors.iter().all(is_duplicate) {
        read_document(text, document.into_inner(), collector);
    }
}

fn is_duplicate(error: &Error) -> bool {
    error.message() == "duplicate key"
}

fn syntax_error(text: &str, error: &Error, collector: &mut Collector) {
    let span = error.span().unwrap_or_default();
    let message = error.message();
    let offset = span.start;
    let Some(found) = text.get(span).map(str::trim).filter(|it| !it.is_empty()) else {
        return collector.diagnostic(offset, format_args!("{message}"));
    };
    if is_duplicate(error) && is_session(text, offset) {
        let id = Quoted(found.trim_matches(['"', '\'']));
        return collector.diagnostic(offset, format_args!("session {id} is given twice"));
    }
    collector.diagnostic(offset, format_args!("{message}: {}", Quoted(found)));
}

/// Returns whether the key at `offset` is the one of `[sessions.key]`. It looks
/// backwards: reading the whole line at each error in it would take too long.
fn is_session(text: &str, offset: usize) -> bool {
    text.get(..offset)
        .and_then(|text| text.trim_end().strip_suffix('.'))
        .and_then(|text| text.trim_end().strip_suffix("sessions"))
        .is_some_and(|text| text.trim_end().ends_with('['))
}

fn read_document(text: &str, document: DeTable<'_>, collector: &mut Collector) {
    let (mut sessions, mut patterns) = (None, None);
    for (key, value) in in_file_order(document) {
        match &**key.get_ref() {
            "sessions" => sessions = Some(value),
            "patterns" => patterns = Some(value),
            unknown => {
                let mut hint = spelling::hint(unknown, ["sessions", "patterns"]);
                if hint.is_empty() {
                    hint.push_str("; the only keys at the top are `sessions` and `patterns`");
                }
                collector.diagnostic(
                    key.span().start,
                    format_args!("unknown key {}{hint}", Quoted(unknown)),
                );
            }
        }
    }
    // Otherwise, a file that an editor has emptied before it writes would mean
    // that there are no sessions.
    if sessions.is_none() && patterns.is_none() {
        return collector.diagnostic(
            0,
            format_args!("missing table [sessions]; leave it empty if there are no sessions"),
        );
    }
    if let Some(sessions) = sessions {
        read_sessions(sessions, collector);
    }
    if let Some(patterns) = patterns {
        read_patterns(text, patterns, collector);
    }
}

fn read_sessions(sessions: Spanned<DeValue<'_>>, collector: &mut Collector) {
    let span = sessions.span();
    match sessions.into_inner() {
        DeValue::Table(sessions) => {
            for (key, value) in in_file_order(sessions) {
                let key = self::key(key);
                collector.session(&key, &node(value, MAX_DEPTH));
            }
        }
        other => collector.diagnostic(
            span.start,
            format_args!(
                "`sessions` is {}; expected a table of sessions",
                value(other, 0).describe(Format::Toml)
            ),
        ),
    }
}

fn read_patterns(text: &str, patterns: Spanned<DeValue<'_>>, collector: &mut Collector) {
    let span = patterns.span();
    match patterns.into_inner() {
        DeValue::Array(patterns) => {
            for pattern in patterns {
                let start = pattern.span().start;
                let before = text.get(..start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                collector.pattern(&node(pattern, 1), line);
            }
        }
        other => collector.diagnostic(
            span.start,
            format_args!(
                "`patterns` is {}; expected tables, [[patterns]]",
                value(other, 0).describe(Format::Toml)
            ),
        ),
    }
}

type TomlEntry<'a> = (Spanned<Cow<'a, str>>, Spanned<DeValue<'a>>);

/// Returns the entries of a table by position, as diagnostics and records are
/// reported; the parser sorts them by key.
fn in_file_order(table: DeTable<'_>) -> Vec<TomlEntry<'_>> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.span().start);
    entries
}

fn key<'a>(key: Spanned<Cow<'a, str>>) -> Key<'a> {
    let Range { start: offset, .. } = key.span();
    Key {
        offset,
        text: key.into_inner(),
    }
}

fn node(spanned: Spanned<DeValue<'_>>, tables: u8) -> Node<'_> {
    Node {
        offset: spanned.span().start,
        value: value(spanned.into_inner(), tables),
    }
}

/// Looks `tables` tables deep.
fn value(value: DeValue<'_>, tables: u8) -> Value<'_> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Other("an integer out of range"),
        },
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Boolean(_) => Value::Other("a boolean"),
        DeValue::Datetime(time) => Value::DateTime(time.to_string()),
        DeValue::Array(_) => Value::Other("an array"),
        DeValue::Table(_) if tables == 0 => Value::Other(Format::Toml.table()),
        DeValue::Table(table) => {
            let entries = in_file_order(table).into_iter();
            let entries = entries.map(|(key, value)| Entry {
                key: self::key(key),
                node: node(value, tables - 1),
            });
            Value::Table(entries.collect())
        }
    }
}
