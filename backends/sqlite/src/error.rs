//! Conversion of SQLite's errors to [`StoreError`].

use std::io;
use std::path::Path;

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::cause;

/// Returns an error of this store without a source.
pub(crate) const fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new("sqlite", kind)
}

/// Converts an error of the driver. Every one is converted here.
pub(crate) fn store_error(source: sqlx::Error) -> StoreError {
    error(kind(&source)).with_source(source)
}

/// Converts an error of opening the database at `path`.
pub(crate) fn open_error(path: &Path, source: sqlx::Error) -> StoreError {
    file_error("open", path, source)
}

/// Converts an error of a connection to the database at `path`, and names the
/// cause if it is the file.
pub(crate) fn use_error(path: &Path, source: sqlx::Error) -> StoreError {
    match primary_code(&source) {
        // READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB
        Some(8 | 10 | 11 | 13 | 14 | 26) => file_error("use", path, source),
        _ => store_error(source),
    }
}

fn file_error(operation: &'static str, path: &Path, source: sqlx::Error) -> StoreError {
    let cause = primary_code(&source).and_then(|code| cause::of(path, code));
    error(kind(&source)).with_source(FileError {
        operation,
        path: path.display().to_string(),
        cause: cause.map_or_else(String::new, |cause| format!(": {cause}")),
        source,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path}{cause}")]
struct FileError {
    operation: &'static str,
    path: String,
    cause: String,
    source: sqlx::Error,
}

fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::Database(_) => primary_code(error).map_or(StoreErrorKind::Other, kind_of_code),
        sqlx::Error::PoolTimedOut => StoreErrorKind::TimedOut,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => {
            StoreErrorKind::Unavailable
        }
        _ => StoreErrorKind::Other,
    }
}

/// Maps an error of a file that is not opened by SQLite.
pub(crate) fn kind_of_io(error: &io::Error) -> StoreErrorKind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => StoreErrorKind::AccessDenied,
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::NotWritable,
        _ => StoreErrorKind::Unavailable,
    }
}

/// Maps a primary result code of SQLite, <https://sqlite.org/rescode.html>.
fn kind_of_code(code: i32) -> StoreErrorKind {
    match code {
        // SQLITE_ERROR: the statements are constant, so one that SQLite rejects
        // lacks its table or a column. With the pool of a host service the
        // cause may also be temporary, such as a function of its own that fails.
        1 => StoreErrorKind::Incompatible,
        // PERM, AUTH
        3 | 23 => StoreErrorKind::AccessDenied,
        // BUSY, LOCKED, INTERRUPT, IOERR, CANTOPEN, PROTOCOL, SCHEMA
        5 | 6 | 9 | 10 | 14 | 15 | 17 => StoreErrorKind::Unavailable,
        // READONLY, FULL
        8 | 13 => StoreErrorKind::NotWritable,
        // CORRUPT, NOTADB
        11 | 26 => StoreErrorKind::CorruptStore,
        _ => StoreErrorKind::Other,
    }
}

/// Returns whether opening the file again may help: it was damaged, or is not
/// what it was when the connections were opened.
pub(crate) fn makes_file_suspect(error: &sqlx::Error) -> bool {
    match error {
        // READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB. Not ERROR: an open
        // connection finds a restored table by itself.
        sqlx::Error::Database(_) => {
            matches!(primary_code(error), Some(8 | 10 | 11 | 14 | 26))
        }
        sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => true,
        _ => false,
    }
}

/// Returns whether another connection holds a lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    // BUSY, LOCKED
    matches!(primary_code(error), Some(5 | 6))
}

/// Returns the low byte of the extended code that the driver reports: of 517,
/// `SQLITE_BUSY_SNAPSHOT`, it is 5, `SQLITE_BUSY`.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnection;
    use sqlx::{Connection, raw_sql};

    use super::*;

    #[tokio::test]
    async fn extended_code_is_mapped_by_its_primary_code() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}?mode=rwc", folder.path().join("a.db").display());
        let mut reader = SqliteConnection::connect(&url).await.unwrap();
        raw_sql("PRAGMA journal_mode = WAL; CREATE TABLE a (b); BEGIN; SELECT * FROM a")
            .execute(&mut reader)
            .await
            .unwrap();
        let write = "INSERT INTO a VALUES (1)";
        let mut writer = SqliteConnection::connect(&url).await.unwrap();
        raw_sql(write).execute(&mut writer).await.unwrap();

        let error = raw_sql(write).execute(&mut reader).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("517"));
        assert!(is_busy(&error));
        assert_eq!(store_error(error).kind(), StoreErrorKind::Unavailable);
    }
}
