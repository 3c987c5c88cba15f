//! [`ConfigError`]: why there is no configuration.

use std::fmt;
use std::path::PathBuf;

use crate::failure::Failure;

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    Unreadable { path: PathBuf, reason: String },
    /// The file has errors; one line for each.
    Invalid { diagnostics: Vec<String> },
    /// A flag or an environment variable is missing or invalid.
    Options(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => {
                write!(f, "cannot read {}: {reason}", path.display())
            }
            Self::Invalid { diagnostics } => f.write_str(&diagnostics.join("\n")),
            Self::Options(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::setup(match &error {
            // Each on a line of its own, so that editors find the places.
            ConfigError::Invalid { .. } => {
                format!("the configuration is invalid:\n{error}")
            }
            _ => error.to_string(),
        })
    }
}
