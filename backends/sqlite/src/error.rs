//! From SQLite's errors to [`StoreError`].

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dcv_resolver_core::{StoreError, StoreErrorKind};

/// An error of this store, without a source yet.
pub(crate) const fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new("sqlite", kind)
}

/// The one way from the driver's errors to ours.
pub(crate) fn store_error(source: sqlx::Error) -> StoreError {
    error(kind(&source)).with_source(source)
}

/// An error of opening the database in `path`.
pub(crate) fn opening_error(path: &Path, source: sqlx::Error) -> StoreError {
    let kind = kind(&source);
    error(kind).with_source(CannotOpen {
        path: path.display().to_string(),
        source,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be opened")]
struct CannotOpen {
    path: String,
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

/// By SQLite's list of result codes, <https://sqlite.org/rescode.html>.
fn kind_of_code(code: i32) -> StoreErrorKind {
    match code {
        // SQLITE_ERROR: our statements are constant, so one that SQLite does
        // not understand misses its table or a column. Over a host service's
        // pool it may also be something that goes away, such as a function or
        // a hook of its own that fails.
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

/// Whether the open file is in doubt, so that opening it anew may help: what
/// lies behind the connections was damaged, or is not what it was when they
/// were opened.
pub(crate) fn puts_file_in_doubt(error: &sqlx::Error) -> bool {
    match error {
        // READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB. Not ERROR: an open
        // connection notices by itself that a table is there again.
        sqlx::Error::Database(_) => {
            matches!(primary_code(error), Some(8 | 10 | 11 | 14 | 26))
        }
        sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => true,
        _ => false,
    }
}

/// Whether another connection holds a lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    // BUSY, LOCKED
    matches!(primary_code(error), Some(5 | 6))
}

/// The driver tells the extended code, such as 517 `SQLITE_BUSY_SNAPSHOT`;
/// its low byte is the primary one, such as 5 `SQLITE_BUSY`.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// An error that is answered more than once: until the file is looked at
/// again, every call fails for the reason that the last look found.
#[derive(Debug, Clone)]
pub(crate) struct StandingError(Arc<StoreError>);

impl StandingError {
    pub(crate) fn new(error: StoreError) -> Self {
        Self(Arc::new(error))
    }

    pub(crate) fn to_store_error(&self) -> StoreError {
        error(self.0.kind()).with_source(self.clone())
    }

    pub(crate) fn chain(&self) -> impl fmt::Display + '_ {
        self.0.chain()
    }
}

/// Stands where the source of the first error stood, so that the chain reads
/// the same every time.
impl fmt::Display for StandingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => fmt::Display::fmt(source, f),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl Error for StandingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()?.source()
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnection;
    use sqlx::{Connection, raw_sql};

    use super::*;

    #[test]
    fn a_standing_error_reads_like_the_first() {
        let first = opening_error(Path::new("/srv/sessions.db"), sqlx::Error::PoolTimedOut);
        let chain = first.chain().to_string();
        assert!(chain.contains("/srv/sessions.db cannot be opened: pool timed out"));

        let again = StandingError::new(first).to_store_error();
        assert_eq!(again.kind(), StoreErrorKind::TimedOut);
        assert_eq!(again.chain().to_string(), chain);
    }

    #[tokio::test]
    async fn an_extended_code_counts_as_its_primary_one() {
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
