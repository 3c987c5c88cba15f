//! [`FileIdentity`]: which file lies under a path.

use std::io;
use std::path::Path;

/// What tells one file from another under the same path.
///
/// A number is given anew only after the file is gone *and* nobody has it
/// open, so while a database is open its identity is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// Looks up what lies under `path`, behind symbolic links.
    ///
    /// It asks for the file's metadata and does not open it: POSIX takes all
    /// of a process's locks on a file away when the process closes any of its
    /// handles, SQLite's own locks too.
    ///
    /// It blocks for microseconds: SQLite needs a local file system anyhow.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    /// What no other file of the same file system has now.
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

    /// Elsewhere a file that is open cannot be replaced.
    #[cfg(not(unix))]
    fn from_metadata(_: &std::fs::Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}
