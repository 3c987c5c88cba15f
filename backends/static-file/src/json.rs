//! Reads JSON, one session at a time.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use crate::Format;
use crate::collector::Collector;
use crate::diagnostic::Quoted;
use crate::node::{Entry, Key, MAX_DEPTH, Node, Value};

/// The maximum length of one session, far above any real one. While it is read,
/// a session takes many times that length in memory.
const MAX_SESSION_BYTES: usize = 1 << 20;

pub(crate) fn read(text: &str, collector: &mut Collector) {
    let source = Source(text);
    // Serde's own message would quote a whole string.
    let start = text.trim_ascii_start();
    if !start.is_empty() && !start.starts_with('{') {
        return collector.diagnostic(
            text.len() - start.len(),
            format_args!("expected an object with one session per key"),
        );
    }
    let read = each_entry(text, |key, value| match source.key(key) {
        Ok(key) if value.get().len() > MAX_SESSION_BYTES => {
            let id = Quoted(&key.text);
            let max_mib = MAX_SESSION_BYTES >> 20;
            collector.diagnostic(
                key.offset,
                format_args!(
                    "session {id} is longer than {max_mib} MiB, the limit for one session; shorten its labels"
                ),
            );
        }
        Ok(key) => collector.session(&key, &source.node(value, MAX_DEPTH)),
        Err(BrokenEscape) => collector.diagnostic(
            source.offset(key),
            format_args!("this key is {}", BrokenEscape::WORDS),
        ),
    });
    if let Err(error) = read {
        let (offset, message) = source.syntax_error(&error);
        collector.diagnostic(offset, format_args!("{message}"));
    }
}

/// Calls `entry` with the key and the value of each entry of the object `text`,
/// duplicates included.
fn each_entry<'a>(
    text: &'a str,
    entry: impl FnMut(&'a RawValue, &'a RawValue),
) -> Result<(), Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_map(EachEntry(entry))?;
    deserializer.end()
}

struct EachEntry<F>(F);

impl<'a, F: FnMut(&'a RawValue, &'a RawValue)> Visitor<'a> for EachEntry<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut entries: A) -> Result<(), A::Error> {
        while let Some((key, value)) = entries.next_entry()? {
            (self.0)(key, value);
        }
        Ok(())
    }
}

/// A string that is not Unicode: JSON's grammar allows half a surrogate pair.
struct BrokenEscape;

impl BrokenEscape {
    const WORDS: &'static str = "a string with half of a surrogate pair (\\uD800 to \\uDFFF)";
}

/// The whole text. The addresses of what serde borrows from it give positions.
#[derive(Clone, Copy)]
struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    fn offset(self, part: &RawValue) -> usize {
        let start = self.0.as_ptr().addr();
        part.get().as_ptr().addr().saturating_sub(start)
    }

    fn key(self, key: &'a RawValue) -> Result<Key<'a>, BrokenEscape> {
        Ok(Key {
            offset: self.offset(key),
            text: text(key)?,
        })
    }

    fn node(self, raw: &'a RawValue, tables: u8) -> Node<'a> {
        Node {
            offset: self.offset(raw),
            value: self.value(raw, tables),
        }
    }

    /// Looks `tables` objects deep.
    fn value(self, raw: &'a RawValue, tables: u8) -> Value<'a> {
        match raw.get().as_bytes().first() {
            Some(b'"') => match text(raw) {
                Ok(text) => Value::Text(text),
                Err(BrokenEscape) => Value::Other(BrokenEscape::WORDS),
            },
            Some(b'{') if tables == 0 => Value::Other(Format::Json.table()),
            Some(b'{') => self.object(raw, tables - 1),
            Some(b'[') => Value::Other("an array"),
            Some(b't' | b'f') => Value::Other("a boolean"),
            Some(b'n') => Value::Null,
            _ => match raw.get().parse() {
                Ok(integer) => Value::Integer(integer),
                Err(_) if raw.get().contains(['.', 'e', 'E']) => {
                    Value::Other("a number with a fraction or an exponent")
                }
                Err(_) => Value::Other("a number out of range"),
            },
        }
    }

    fn object(self, raw: &'a RawValue, tables: u8) -> Value<'a> {
        // As many fields as a session usually has.
        let mut entries = Vec::with_capacity(6);
        let mut broken = false;
        let read = each_entry(raw.get(), |key, value| match self.key(key) {
            Ok(key) => entries.push(Entry {
                key,
                node: self.node(value, tables),
            }),
            Err(BrokenEscape) => broken = true,
        });
        match read {
            Ok(()) if !broken => Value::Table(entries),
            _ => Value::Other("an object with a broken key"),
        }
    }

    /// Returns the offset of a syntax error, and serde's message without it.
    fn syntax_error(self, error: &Error) -> (usize, String) {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let suffix = format!(" at line {line} column {column}");
        let mut message = message.strip_suffix(&suffix).unwrap_or(&message).to_owned();

        let lines = self.0.split_inclusive('\n').take(line.saturating_sub(1));
        let line_offset: usize = lines.map(str::len).sum();
        // The column counts bytes, including the one in error.
        let offset = line_offset + column.saturating_sub(1);
        if let Some((before, rest)) = self.0.split_at_checked(offset)
            && rest.starts_with('}')
            && before.trim_ascii_end().ends_with(',')
        {
            // Serde has this message only outside of a session.
            "trailing comma".clone_into(&mut message);
        }
        (offset, message)
    }
}

fn text(raw: &RawValue) -> Result<Cow<'_, str>, BrokenEscape> {
    #[derive(serde::Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    match serde_json::from_str(raw.get()) {
        Ok(Text(text)) => Ok(text),
        Err(_) => Err(BrokenEscape),
    }
}
