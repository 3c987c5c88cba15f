//! [`LoadError`]: the session file cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Diagnostic, Format};

/// A session file cannot be used.
///
/// Displays in full: one line, or one line a diagnostic. An underlying
/// [`io::Error`] is part of that line, and the source as well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The name ends neither in `.toml` nor in `.json`.
    #[error("{}: the name of a session file ends in .toml or .json", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: {}", path.display(), Reason(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path leads to something that is not a file.
    #[error("{}: this is {found}; a file was expected", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it leads to, such as `a directory`.
        found: &'static str,
    },
    /// The file is larger than [`Format::max_bytes`].
    #[error("{}: the file is larger than {} MiB, the most a session file in {}", path.display(), format.max_bytes() >> 20, match format { Format::Toml => "TOML may have; use JSON for more", Format::Json => "JSON may have" })]
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
    /// There are diagnostics in the file.
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
    /// The diagnostics in the file; none where the file could not be read at all.
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

    /// The file.
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
