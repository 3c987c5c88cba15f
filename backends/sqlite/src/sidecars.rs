//! [`Sidecars`]: the files that SQLite keeps beside an open database.
//!
//! They are `X-wal`, the write-ahead log of database `X`, and `X-shm`, the
//! index of that log. Nothing in either says which `X` it belongs to, so
//! SQLite would apply those of a replaced file to its successor.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use dcv_resolver_core::StoreError;

use crate::error::{error, kind_of_io};
use crate::file_identity::FileIdentity;
use crate::sidecar_paths::{INDEX, LOG, with_suffix};

/// The log and the index of one database.
#[derive(Debug)]
pub(crate) struct Sidecars {
    database: PathBuf,
    /// Empty before the log is in use, which a read-only store leaves to other
    /// processes, and after removal: other files may get these identities then.
    files: Mutex<Vec<Sidecar>>,
}

impl Sidecars {
    /// Returns the sidecars of the file `database`, none of them recorded yet.
    pub(crate) fn of(database: PathBuf) -> Self {
        Self {
            database,
            files: Mutex::default(),
        }
    }

    /// Records which log and index belong to the database, once they exist.
    /// SQLite keeps both for as long as the database is open.
    pub(crate) fn record(&self) {
        let mut files = self.files();
        if files.is_empty()
            && let (Some(log), Some(index)) = (
                Sidecar::beside(&self.database, LOG),
                Sidecar::beside(&self.database, INDEX),
            )
        {
            files.extend([log, index]);
        }
    }

    /// Returns whether the recorded files still have their names, so that a new
    /// connection uses the same log as the open ones. Where the log was
    /// deleted, SQLite gives new connections of the same process the index of
    /// the old log, until the last old connection is closed.
    pub(crate) fn are_in_place(&self) -> bool {
        self.files().iter().all(Sidecar::is_in_place)
    }

    /// Removes the recorded files while `is_replaced` returns true. It is
    /// called right before each removal, since the database may have come back
    /// in the meantime.
    pub(crate) fn remove_while(&self, is_replaced: impl Fn() -> bool) -> Result<(), StoreError> {
        let mut files = self.files();
        while let Some(file) = files.last() {
            if !is_replaced() {
                return Ok(());
            }
            file.remove().map_err(|source| {
                error(kind_of_io(&source)).with_source(CannotRemove {
                    path: file.path.display().to_string(),
                    source,
                })
            })?;
            files.pop();
        }
        Ok(())
    }

    fn files(&self) -> MutexGuard<'_, Vec<Sidecar>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Sidecar {
    path: PathBuf,
    identity: FileIdentity,
    is_log: bool,
}

impl Sidecar {
    fn beside(database: &Path, suffix: &str) -> Option<Self> {
        let path = with_suffix(database, suffix);
        let identity = FileIdentity::of(&path).ok()?;
        Some(Self {
            path,
            identity,
            is_log: suffix == LOG,
        })
    }

    fn is_in_place(&self) -> bool {
        FileIdentity::of(&self.path).ok() == Some(self.identity)
    }

    /// Removes the file, unless another one has its name: that one came with
    /// the new database and belongs to it. A log that is not empty may hold
    /// committed sessions and is renamed instead.
    fn remove(&self) -> io::Result<()> {
        if !self.is_in_place() {
            return Ok(());
        }
        if !self.is_log || fs::metadata(&self.path)?.len() == 0 {
            return fs::remove_file(&self.path);
        }
        let kept = with_suffix(&self.path, &format!(".replaced-{}", self.identity.number()));
        fs::rename(&self.path, &kept)?;
        tracing::warn!(
            log = %kept.display(),
            "session database replaced before its log was written back; the log was kept under this name"
        );
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot remove {path}, which belongs to a replaced database; move it away")]
struct CannotRemove {
    path: String,
    source: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_all(database: &Path) -> [PathBuf; 2] {
        let files = [LOG, INDEX].map(|suffix| with_suffix(database, suffix));
        for file in &files {
            fs::write(file, "").unwrap();
        }
        files
    }

    #[test]
    fn new_file_with_the_inode_number_of_a_removed_log_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("sessions.db");
        let [log, _] = write_all(&database);
        let sidecars = Sidecars::of(database);
        sidecars.record();
        // As a file system that reuses a free inode number.
        let same_inode = folder.path().join("same inode");
        fs::hard_link(&log, &same_inode).unwrap();

        sidecars.remove_while(|| true).unwrap();
        assert!(!log.exists());
        fs::rename(&same_inode, &log).unwrap();
        sidecars.remove_while(|| true).unwrap();
        assert!(log.exists());
    }

    #[test]
    fn database_that_came_back_keeps_its_sidecars() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("sessions.db");
        let files = write_all(&database);
        let sidecars = Sidecars::of(database);
        sidecars.record();

        sidecars.remove_while(|| false).unwrap();
        assert!(files.iter().all(|file| file.exists()));
        sidecars.remove_while(|| true).unwrap();
        assert!(!files.iter().any(|file| file.exists()));
    }
}
