//! [`LoadError`]: why a session file cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::format::Format;

/// An error that occurs when a session file cannot be used.
///
/// Displays in full: one line, or one line for each diagnostic. An underlying
/// [`io::Error`] is part of that line and is also the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The extension is neither `.toml` nor `.json`.
    #[error("{}: unknown file format; the extension of a session file is .toml or .json", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: {}", path.display(), Reason(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path leads to something that is not a file.
    #[error("{}: this is {found}; expected a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it leads to, such as `a directory`.
        found: &'static str,
    },
    /// The file is larger than [`Format::max_bytes`].
    #[error("{}: the file is larger than {} MiB, the limit for {}", path.display(), format.max_bytes() >> 20, match format { Format::Toml => "TOML; use JSON for more", Format::Json => "JSON" })]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
    },
    /// The file was written to each time it was read.
    #[error("{}: the file kept changing while it was read", path.display())]
    StillChanging {
        /// The file.
        path: PathBuf,
    },
    /// The content of the file is invalid.
    #[error("{}", Lines { path, diagnostics, more: *more })]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The first 100 diagnostics, from top to bottom.
        diagnostics: Vec<Diagnostic>,
        /// How many more there are.
        more: usize,
    },
}

impl LoadError {
    /// Returns the format of the file at `path`, or `UnknownFormat`.
    pub(crate) fn format_of(path: &Path) -> Result<Format, Self> {
        Format::from_path(path).ok_or_else(|| Self::UnknownFormat {
            path: path.to_owned(),
        })
    }

    /// Returns the diagnostics; none if the file could not be read at all.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Invalid { diagnostics, .. } => diagnostics,
            Self::UnknownFormat { .. }
            | Self::Unreadable { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::StillChanging { .. } => &[],
        }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::UnknownFormat { path }
            | Self::Unreadable { path, .. }
            | Self::NotAFile { path, .. }
            | Self::TooLarge { path, .. }
            | Self::StillChanging { path }
            | Self::Invalid { path, .. } => path,
        }
    }
}

struct Reason<'a>(&'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            io::ErrorKind::NotFound => f.write_str("there is no such file"),
            _ => write!(f, "the file cannot be read: {}", self.0),
        }
    }
}

struct Lines<'a> {
    path: &'a Path,
    diagnostics: &'a [Diagnostic],
    more: usize,
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.diagnostics.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        if self.more > 0 {
            write!(
                f,
                "\n{}: and {} more diagnostics",
                self.path.display(),
                self.more
            )?;
        }
        Ok(())
    }
}
