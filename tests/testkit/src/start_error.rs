//! [`StartError`]: why a stand-in cannot start.

use std::error::Error;
use std::fmt;

/// An error that occurs when a stand-in cannot start: a setting is invalid, a
/// file cannot be used, or an address is taken.
#[derive(Debug, thiserror::Error)]
pub struct StartError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StartError {
    /// Something failed for a reason that the error names.
    pub(crate) fn new(
        what: impl Into<String>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            message: what.into(),
            source: Some(error.into()),
        }
    }

    /// A setting breaks a rule.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
