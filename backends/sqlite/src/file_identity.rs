//! [`FileIdentity`]: which file a path leads to.

use std::io;
use std::path::Path;

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::cause;
use crate::error::error;

/// Distinguishes a file from others that were under the same path.
///
/// A file system reuses an inode number only after the file is deleted *and*
/// closed by every process, so the identity of an open database is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// Returns the identity of the file that `path` leads to, through symbolic
    /// links.
    ///
    /// It reads metadata and does not open the file: when a process closes any
    /// handle of a file, POSIX releases all of the process's locks on it,
    /// SQLite's locks included.
    ///
    /// It blocks for microseconds: SQLite needs a local file system anyway.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    /// Returns the identity of the database file at `path`.
    pub(crate) fn of_database(path: &Path) -> Result<Self, StoreError> {
        Self::of(path).map_err(|source| {
            let is_missing = matches!(
                source.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            );
            let cause = cause::of_missing(path).filter(|_| is_missing);
            error(StoreErrorKind::Unavailable).with_source(NoFile {
                problem: if is_missing {
                    "there is no database file"
                } else {
                    "cannot reach the database file"
                },
                path: path.display().to_string(),
                cause: cause.map_or_else(String::new, |cause| format!(": {cause}")),
                source,
            })
        })
    }

    /// Fails when another file is at `path` by now.
    pub(crate) fn ensure_still_at(self, path: &Path) -> Result<(), StoreError> {
        if Self::of_database(path)? == self {
            return Ok(());
        }
        Err(error(StoreErrorKind::Unavailable)
            .with_source("the database file was replaced while it was opened; try again"))
    }

    /// Returns a number that no other file of the file system has now.
    pub(crate) fn number(self) -> u64 {
        self.inode
    }

    #[cfg(unix)]
    fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// On other systems an open file cannot be replaced.
    #[cfg(not(unix))]
    fn from_metadata(_: &std::fs::Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{problem} {path}{cause}")]
struct NoFile {
    problem: &'static str,
    path: String,
    cause: String,
    source: io::Error,
}
