//! [`InvalidText`]: why a value that is written as text is invalid.

use std::borrow::Cow;
use std::fmt;

/// The text is invalid. Displays what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidText(Cow<'static, str>);

impl InvalidText {
    pub(super) fn new(expected: impl Into<Cow<'static, str>>) -> Self {
        Self(expected.into())
    }
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidText {}
