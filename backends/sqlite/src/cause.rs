//! Why SQLite cannot use a file, and what to do. SQLite itself reports only a
//! number.

use std::path::Path;

use crate::file_access::{free_bytes, is_on_read_only_file_system, may_read, may_write, users};
use crate::sidecar_paths::sidecars_of;

/// Returns the cause of an error with the primary code `code` at the database
/// `path`, if it can be seen.
pub(crate) fn of(path: &Path, code: i32) -> Option<String> {
    match code {
        // BUSY, LOCKED
        5 | 6 => Some(format!(
            "another program has locked it; `fuser {}` shows which one",
            path.display()
        )),
        // PERM, READONLY, IOERR, CANTOPEN
        3 | 8 | 10 | 14 => of_access(path, code == 8),
        // FULL
        13 => Some(match free_bytes(path) {
            Some(bytes) => format!("the disk is full: it has {bytes} bytes left; free some"),
            None => "the disk is full; free some space".to_owned(),
        }),
        // CORRUPT
        11 => Some("the database is damaged; restore a backup".to_owned()),
        // NOTADB
        26 => Some("it is not an SQLite database; name another file, or move it away".to_owned()),
        _ => None,
    }
}

fn of_access(path: &Path, is_write: bool) -> Option<String> {
    if let Some(cause) = of_missing(path) {
        return Some(cause);
    }
    let folder = path.parent()?;
    if path.is_dir() {
        return Some("it is a folder; name a file in it".to_owned());
    }
    if !may_read(path) {
        return Some(format!("it is not readable: {}", users(path)));
    }
    if is_on_read_only_file_system(folder) {
        return Some(
            "it is on a read-only file system; mount it for writing, since SQLite writes the files -wal and -shm even when it only reads"
                .to_owned(),
        );
    }
    if is_write && !may_write(path) {
        return Some(format!(
            "it is not writable: {}; run as the owner, or change the owner with chown",
            users(path)
        ));
    }
    for sidecar in sidecars_of(path) {
        if sidecar.exists() && !may_write(&sidecar) {
            return Some(format!(
                "{} is not writable: {}; change its owner with chown",
                sidecar.display(),
                users(&sidecar)
            ));
        }
    }
    (!may_write(folder)).then(|| {
        format!(
            "the folder {}, where SQLite keeps the files -wal and -shm, is not writable: {}",
            folder.display(),
            users(folder)
        )
    })
}

/// Returns which folder above `path` is missing or not a folder.
pub(crate) fn of_missing(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    match folder.try_exists() {
        Ok(true) if folder.is_dir() => None,
        Ok(true) => Some(format!("{} is not a folder", folder.display())),
        Ok(false) => Some(format!(
            "there is no folder {}; create it",
            folder.display()
        )),
        Err(error) => Some(format!("the folder {}: {error}", folder.display())),
    }
}
