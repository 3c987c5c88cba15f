//! [`read`]: reads a configuration file, and [`ConfigFileError`]: why it cannot be
//! used.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::invalid_config::InvalidConfig;

/// An error that occurs when a configuration file cannot be used.
///
/// Displays without its cause; [`chain`](Self::chain) adds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFileError {
    /// The file cannot be read, or is larger than 1 MiB.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause, with what to do.
        source: io::Error,
    },
    /// The content is invalid.
    #[error("{} is invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The cause, with the line and what to do.
        source: InvalidConfig,
    },
}

impl ConfigFileError {
    /// Returns the error and its cause, with what to do, as one line.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// Reads the file at `path` and parses it.
pub(crate) fn read<T>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, InvalidConfig>,
) -> Result<T, ConfigFileError> {
    let content =
        dcv_resolver_file_watch::read(path).map_err(|source| ConfigFileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    parse(&content).map_err(|source| ConfigFileError::Invalid {
        path: path.to_owned(),
        source,
    })
}
