//! The names of the files that SQLite keeps beside an open database.

use std::path::{Path, PathBuf};

pub(crate) const LOG: &str = "-wal";
pub(crate) const INDEX: &str = "-shm";

/// Returns the paths of the log and the index of `database`.
pub(crate) fn sidecars_of(database: &Path) -> [PathBuf; 2] {
    [LOG, INDEX].map(|suffix| with_suffix(database, suffix))
}

/// Returns the path of the log of `database`.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    with_suffix(database, LOG)
}

/// Returns `path` with `suffix` after its extension.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.to_path_buf().into_os_string();
    path.push(suffix);
    path.into()
}
