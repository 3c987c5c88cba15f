//! Connecting to a database file.

use std::path::Path;
use std::time::{Duration, Instant};

use dcv_resolver_core::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::config::SqliteConfig;
use crate::error::{is_busy, open_error};

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

/// Creates the file that `config` names, unless it exists.
pub(crate) async fn create_file(config: &SqliteConfig) -> Result<(), StoreError> {
    let failed = |source| open_error(&config.path, source);
    connect_options(config, &config.path)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(failed)?
        .close()
        .await
        .map_err(failed)
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
