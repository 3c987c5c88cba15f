//! Whether the database can be written.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::database::Database;
use crate::error::error;
use crate::file_access::free_bytes;

/// A disk with less free space is about to be full: a log that SQLite has
/// written back has a thousand pages.
const MIN_FREE_BYTES: u64 = 4 << 20;

/// Changes nothing, and is rolled back: it takes the lock that writing takes,
/// and needs the permission to write.
const WRITE: &str = "UPDATE dcv_session_schema SET version = version";

/// There is too little space for the next writes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the disk of {path} has {free_bytes} bytes left, and SQLite needs up to {MIN_FREE_BYTES}; free some space"
)]
struct DiskFull {
    path: String,
    free_bytes: u64,
}

/// Checks whether a session could be registered now: no other process keeps the
/// lock, the files may be written, and the disk is not full.
pub(crate) async fn run(database: &Database) -> Result<(), StoreError> {
    let mut connection = database.write_checker().await?;
    roll_back_a_write(connection.driver())
        .await
        .map_err(|error| connection.failed(error))?;
    let path = database.path();
    match free_bytes(&path) {
        Some(free_bytes) if free_bytes < MIN_FREE_BYTES => Err(error(StoreErrorKind::NotWritable)
            .with_source(DiskFull {
                path: path.display().to_string(),
                free_bytes,
            })),
        _ => Ok(()),
    }
}

async fn roll_back_a_write(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(WRITE).execute(&mut *transaction).await?;
    transaction.rollback().await
}
