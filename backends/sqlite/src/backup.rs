//! Copies of a database: [`SqliteStore::backup`] and [`SqliteStore::restore`].

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::connect::create_file;
use crate::error::{error, open_error, store_error};
use crate::file_identity::FileIdentity;
#[cfg(unix)]
use crate::leftover_log;
use crate::row::columns;
use crate::schema;
use crate::sidecar_paths::log_of;
use crate::store::SqliteStore;

/// What [`SqliteStore::restore`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The sessions that the store had before. They are gone.
    pub replaced: u64,
    /// The sessions of the backup, which the store has now.
    pub restored: u64,
}

impl SqliteStore {
    /// Copies the whole database to the new file `to` and returns the number of
    /// sessions in it. Only the owner can read the file, and it needs no file
    /// beside it.
    ///
    /// The copy is a state of the database at one moment, while any process
    /// reads and writes. It appears complete or not at all.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when `to` exists or cannot be created; otherwise the kind
    /// of the error that SQLite reports.
    pub async fn backup(&self, to: &Path) -> Result<u64, StoreError> {
        let to = std::path::absolute(to).map_err(|source| no_backup(to, source))?;
        if to.exists() {
            return Err(no_backup(&to, "there is a file already"));
        }
        let mut partial = to.clone().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        // Of an attempt that was interrupted.
        let _missing = std::fs::remove_file(&partial);
        create_file(&partial)?;
        let copied = self.copy(&partial, &to).await;
        if copied.is_err() {
            let _leftover = std::fs::remove_file(&partial);
        }
        copied
    }

    async fn copy(&self, partial: &Path, to: &Path) -> Result<u64, StoreError> {
        let mut connection = self.database.bulk_reader().await?;
        schema::check_readable(connection.driver()).await?;
        // It accepts a file that is there if it is empty.
        sqlx::query("VACUUM INTO ?1")
            .bind(partial.to_string_lossy())
            .execute(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        drop(connection);
        let mut copy = open_backup(partial).await?;
        let sessions = count(&mut copy, "dcv_session").await.map_err(store_error)?;
        copy.close().await.map_err(store_error)?;
        publish(partial, to).map_err(|source| no_backup(to, source))?;
        Ok(sessions)
    }

    /// Replaces every session by those in `from`, which is a backup or any other
    /// database of this library, of this version or an older one.
    ///
    /// It is one transaction: lookups see the old sessions or the new ones, and
    /// after an error the old ones remain. Processes that use the database go on
    /// and follow the change. Other tables of the database are not changed.
    ///
    /// # Errors
    ///
    /// `Incompatible` or `CorruptStore`, when `from` is not a database of this
    /// library, or is damaged; otherwise as
    /// [`register`](dcv_resolver_core::SessionRegistry::register).
    pub async fn restore(&self, from: &Path) -> Result<Restored, StoreError> {
        let from = std::path::absolute(from).map_err(|source| no_backup(from, source))?;
        let identity = FileIdentity::of_database(&from)?;
        if FileIdentity::of(&self.database.path()).ok() == Some(identity) {
            return Err(no_backup(&from, "it is the database itself"));
        }
        #[cfg(unix)]
        leftover_log::ensure_own(&from).await?;
        let mut backup = open_backup(&from).await?;
        let version = schema::check_readable(&mut backup)
            .await
            .map_err(|error| error.open_error(&from))?;
        let damage: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&mut backup)
            .await
            .map_err(|source| open_error(&from, source))?;
        backup.close().await.map_err(store_error)?;
        if damage != "ok" {
            return Err(error(StoreErrorKind::CorruptStore).with_source(Damaged {
                path: from.display().to_string(),
                damage,
            }));
        }

        // Its turn, and the check that the store can be written.
        let turn = self.database.writer().await?;
        // Attached to a connection that is closed afterwards, whatever happens.
        let mut connection = self.database.current().await?.connect().await?;
        let restored = replace(&mut connection, &from, version).await;
        let _closed = connection.close().await;
        restored.map_err(|error| turn.failed(error))
    }
}

/// Opens a backup read-only. SQLite creates no files beside it, unless it has a
/// log.
async fn open_backup(path: &Path) -> Result<SqliteConnection, StoreError> {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(!has_log(path))
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|source| open_error(path, source))
}

fn has_log(path: &Path) -> bool {
    std::fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0)
}

async fn count(connection: &mut SqliteConnection, table: &str) -> Result<u64, sqlx::Error> {
    let query = match table {
        "backup" => "SELECT count(*) FROM backup.dcv_session",
        _ => "SELECT count(*) FROM main.dcv_session",
    };
    let count: i64 = sqlx::query_scalar(query).fetch_one(connection).await?;
    Ok(count.unsigned_abs())
}

async fn replace(
    connection: &mut SqliteConnection,
    backup: &Path,
    version: usize,
) -> Result<Restored, sqlx::Error> {
    const OF_OLDER_VERSION: &str = concat!(
        "INSERT INTO main.dcv_session (",
        columns!(),
        ", lease_token) SELECT ",
        columns!(),
        ", lease_token FROM backup.dcv_session"
    );
    const OF_THIS_VERSION: &str = concat!(
        "INSERT INTO main.dcv_session (",
        columns!(),
        ", lease_token, lease_digest) SELECT ",
        columns!(),
        ", lease_token, lease_digest FROM backup.dcv_session"
    );

    sqlx::query("ATTACH DATABASE ?1 AS backup")
        .bind(read_only_uri(backup))
        .execute(&mut *connection)
        .await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let replaced = count(&mut transaction, "main").await?;
    let restored = count(&mut transaction, "backup").await?;
    sqlx::query("DELETE FROM main.dcv_session")
        .execute(&mut *transaction)
        .await?;
    let insert = if version < schema::LEASE_DIGEST_VERSION {
        OF_OLDER_VERSION
    } else {
        OF_THIS_VERSION
    };
    sqlx::query(insert).execute(&mut *transaction).await?;
    schema::hash_lease_tokens(&mut transaction).await?;
    transaction.commit().await?;
    Ok(Restored { replaced, restored })
}

/// Returns the path as a URI of SQLite, <https://sqlite.org/uri.html>.
fn read_only_uri(path: &Path) -> String {
    let escaped: String = path
        .to_string_lossy()
        .bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect();
    let immutable = if has_log(path) { "" } else { "&immutable=1" };
    format!("file:{escaped}?mode=ro{immutable}")
}

/// Gives a finished file its name, durably.
fn publish(partial: &Path, to: &Path) -> io::Result<()> {
    File::open(partial)?.sync_all()?;
    std::fs::rename(partial, to)?;
    match to.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn no_backup(path: &Path, source: impl Into<BoxError>) -> StoreError {
    error(StoreErrorKind::InvalidConfig).with_source(UnusableBackup {
        path: path.display().to_string(),
        source: source.into(),
    })
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("the backup {path} cannot be used")]
struct UnusableBackup {
    path: String,
    source: BoxError,
}

#[derive(Debug, thiserror::Error)]
#[error("{path} is damaged: {damage}")]
struct Damaged {
    path: String,
    damage: String,
}
