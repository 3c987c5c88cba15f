//! [`LogDirectives`]: which events are logged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A level, or directives as in `RUST_LOG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct LogDirectives(String);

/// The text is neither a level nor directives.
#[derive(Debug)]
pub(crate) struct InvalidLogDirectives;

impl LogDirectives {
    /// Reads `RUST_LOG`, if it is set.
    pub(crate) fn from_rust_log() -> Result<Option<Self>, String> {
        match std::env::var(EnvFilter::DEFAULT_ENV) {
            Ok(directives) if !directives.trim().is_empty() => Self::any(directives.trim())
                .map(Some)
                .map_err(|error| format!("{} is {directives:?}: {error}", EnvFilter::DEFAULT_ENV)),
            _ => Ok(None),
        }
    }

    pub(crate) fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }

    fn any(directives: &str) -> Result<Self, InvalidLogDirectives> {
        match EnvFilter::try_new(directives) {
            Ok(_) => Ok(Self(directives.to_owned())),
            Err(_) => Err(InvalidLogDirectives),
        }
    }
}

impl FromStr for LogDirectives {
    type Err = InvalidLogDirectives;

    fn from_str(directives: &str) -> Result<Self, Self::Err> {
        // A mistyped level would be taken for the name of a module and silence
        // everything else. In RUST_LOG a single word does mean a module.
        let lone_word = !directives.contains(['=', ',', '[']);
        if lone_word && directives.parse::<LevelFilter>().is_err() {
            return Err(InvalidLogDirectives);
        }
        Self::any(directives)
    }
}

impl Default for LogDirectives {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl From<LogDirectives> for String {
    fn from(directives: LogDirectives) -> Self {
        directives.0
    }
}

impl fmt::Display for LogDirectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidLogDirectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected a level (error, warn, info, debug, trace) or directives such as 'info,dcv_resolver=debug'",
        )
    }
}

impl std::error::Error for InvalidLogDirectives {}
