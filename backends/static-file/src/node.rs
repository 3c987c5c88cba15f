//! [`Node`]: what a file holds, in either format, and its position.

use std::borrow::Cow;

use crate::Format;

/// A value, and the byte offset at which it starts.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) offset: usize,
    pub(crate) value: Value<'a>,
}

#[derive(Debug)]
pub(crate) enum Value<'a> {
    /// JSON only.
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    /// TOML only; with or without a time and an offset.
    DateTime(String),
    Table(Vec<Entry<'a>>),
    /// What no field accepts, in words.
    Other(&'static str),
}

#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Key<'a>,
    pub(crate) node: Node<'a>,
}

#[derive(Debug)]
pub(crate) struct Key<'a> {
    pub(crate) offset: usize,
    pub(crate) text: Cow<'a, str>,
}

impl Value<'_> {
    pub(crate) fn describe(&self, format: Format) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::DateTime(_) => "a date",
            Self::Table(_) => format.table(),
            Self::Other(words) => words,
        }
    }
}

/// How deep tables have a meaning: sessions, a session, its labels. A table in
/// the place of a label is reported, but not read.
pub(crate) const MAX_DEPTH: u8 = 2;
