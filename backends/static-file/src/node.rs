//! [`Node`]: what a file holds, the same for both formats, with where it
//! stands.

use std::borrow::Cow;

use crate::Format;

/// A value and the byte offset that it starts at.
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
    /// What no field takes, in words.
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

/// The deepest tables that mean anything: sessions, a session, its labels. In
/// a label's place a table is only named, not looked into.
pub(crate) const MAX_DEPTH: u8 = 2;
