//! Connecting to a database file.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dcv_resolver_core::StoreError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};

use crate::config::SqliteConfig;
use crate::error::{error, is_busy, kind_of_io};
use crate::{cause, file_access};

/// Returns the options of a connection to `path`, which it never creates.
pub(crate) fn connect_options(config: &SqliteConfig, path: &Path) -> SqliteConnectOptions {
    /// SQLite takes milliseconds as an `int`.
    const MAX_BUSY_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(config.busy_timeout.min(MAX_BUSY_TIMEOUT))
        .disable_statement_logging();
    if config.read_only {
        options.read_only(true)
    } else {
        options.synchronous(SqliteSynchronous::Normal)
    }
}

/// Creates an empty file for a database, which only its owner can read, unless
/// there is a file. SQLite takes an empty file for an empty database and gives
/// the files beside it the same permissions.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    /// Held so that no connection of this process opens the file before it is
    /// closed here, which would release the connection's locks.
    static CREATING: Mutex<()> = Mutex::new(());

    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match options.open(path) {
        Ok(_file) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(cannot_create(path, source)),
    }
}

/// Returns the error of creating a database at `path`, with its cause.
pub(crate) fn cannot_create(path: &Path, source: io::Error) -> StoreError {
    let folder = path.parent().unwrap_or(path);
    let cause = cause::of_missing(path).unwrap_or_else(|| match source.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "the folder {} is not writable: {}",
            folder.display(),
            file_access::users(folder)
        ),
        _ => source.to_string(),
    });
    error(kind_of_io(&source)).with_source(CannotCreate {
        path: path.display().to_string(),
        cause,
        source,
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot create {path}: {cause}")]
struct CannotCreate {
    path: String,
    cause: String,
    source: io::Error,
}

/// Switches the database to a write-ahead log, permanently.
///
/// SQLite's busy timeout does not apply to this statement, so it is repeated
/// here for as long as another connection writes.
pub(crate) async fn enable_write_ahead_log(
    connection: &mut SqliteConnection,
    busy_timeout: Duration,
) -> Result<(), sqlx::Error> {
    const RETRY_INTERVAL: Duration = Duration::from_millis(5);

    let started = Instant::now();
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await;
        match switched {
            Err(error) if is_busy(&error) && started.elapsed() < busy_timeout => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            switched => return switched.map(drop),
        }
    }
}
