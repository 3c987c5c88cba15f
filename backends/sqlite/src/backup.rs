//! Copies of a database: [`SqliteStore::backup`] and [`SqliteStore::restore`].

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::{NamedTempFile, TempPath};

use crate::absolute_path::absolute;
use crate::connect::cannot_create;
use crate::error::{error, open_error, store_error};
use crate::file_identity::FileIdentity;
#[cfg(unix)]
use crate::leftover_log;
use crate::row::columns;
use crate::schema;
use crate::sidecar_paths::log_of;
use crate::store::SqliteStore;

/// The result of [`SqliteStore::restore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreSummary {
    /// How many sessions the store had before. They were removed.
    pub replaced: u64,
    /// How many sessions the store has now: those of the backup.
    pub restored: u64,
}

/// An error that occurs when a database cannot be backed up.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file already exists at the path of the copy.
    #[error("{} already exists, and a backup never overwrites a file: choose another name", path.display())]
    AlreadyExists {
        /// The absolute path of the file.
        path: PathBuf,
    },
    /// The store failed, or the copy cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SqliteStore {
    /// Copies the whole database to the new file `to` and returns the number of
    /// sessions in it. Only its owner can read the file. It is complete by itself,
    /// without a write-ahead log.
    ///
    /// The copy is the state of the database at one moment, even while other
    /// processes read and write. The file appears complete or not at all: the copy
    /// is written to a file beside it, `TO.….partial`, which remains only if the
    /// process is killed.
    ///
    /// # Errors
    ///
    /// [`BackupError::AlreadyExists`], when `to` exists. Otherwise a
    /// [`StoreError`]: `InvalidConfig`, when `to` is not UTF-8; `AccessDenied`,
    /// `NotWritable` or `Unavailable`, when it cannot be created or written; or
    /// the kind of the error that SQLite reports.
    pub async fn backup(&self, to: &Path) -> Result<u64, BackupError> {
        let to = absolute(to).map_err(|source| no_backup(to, source))?;
        if to.exists() {
            return Err(BackupError::AlreadyExists { path: to });
        }
        let partial = create_partial(&to)?;
        let sessions = self.copy(&partial).await?;
        match publish(partial, &to) {
            Ok(()) => Ok(sessions),
            Err(source) if source.kind() == ErrorKind::AlreadyExists => {
                Err(BackupError::AlreadyExists { path: to })
            }
            Err(source) => Err(cannot_create(&to, source).into()),
        }
    }

    async fn copy(&self, to: &Path) -> Result<u64, StoreError> {
        let mut connection = self.database.bulk_reader().await?;
        schema::check_readable(connection.driver()).await?;
        // It accepts a file that is there if it is empty.
        sqlx::query("VACUUM INTO ?1")
            .bind(to.to_str())
            .execute(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        drop(connection);
        let mut copy = open_backup(to).await?;
        let sessions = count(&mut copy, COUNT_MAIN).await.map_err(store_error)?;
        copy.close().await.map_err(store_error)?;
        Ok(sessions)
    }

    /// Replaces all sessions with those in `from`, which is a backup or any other
    /// database of this library, of this version or an older one.
    ///
    /// The replacement is one transaction: lookups see either the old sessions
    /// or the new ones, and after an error the old ones remain. Processes that
    /// use the database continue and follow the change. Other tables of the
    /// database are not changed.
    ///
    /// # Errors
    ///
    /// `Unavailable`, when `from` does not exist or cannot be reached;
    /// `Incompatible` or `CorruptStore`, when it is not a database of this library,
    /// or is damaged; `InvalidConfig`, when it is the database of this store, or its
    /// path is not UTF-8; otherwise as for
    /// [`register`](dcv_resolver_core::SessionRegistry::register).
    pub async fn restore(&self, from: &Path) -> Result<RestoreSummary, StoreError> {
        let from = absolute(from).map_err(|source| no_backup(from, source))?;
        let identity = FileIdentity::of_database(&from)?;
        if FileIdentity::of(&self.database.path()).ok() == Some(identity) {
            return Err(no_backup(&from, "it is the database itself"));
        }
        // SQLite puts the log beside the file itself, not beside a link to it.
        let from = std::fs::canonicalize(&from).map_err(|source| no_backup(&from, source))?;
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

        // Waits for its turn, and checks that the store is writable.
        let turn = self.database.writer().await?;
        // Attached to a connection that is always closed afterwards.
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

const COUNT_MAIN: &str = "SELECT count(*) FROM main.dcv_session";
const COUNT_BACKUP: &str = "SELECT count(*) FROM backup.dcv_session";

async fn count(connection: &mut SqliteConnection, query: &'static str) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(query).fetch_one(connection).await?;
    Ok(count.unsigned_abs())
}

async fn replace(
    connection: &mut SqliteConnection,
    backup: &Path,
    version: usize,
) -> Result<RestoreSummary, sqlx::Error> {
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
    let replaced = count(&mut transaction, COUNT_MAIN).await?;
    let restored = count(&mut transaction, COUNT_BACKUP).await?;
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
    Ok(RestoreSummary { replaced, restored })
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

/// Creates an empty file beside `to`, which only its owner can read, and which is
/// removed when the result is dropped. Its name is its own, since another backup to
/// `to` may run at the same time.
fn create_partial(to: &Path) -> Result<TempPath, StoreError> {
    let mut prefix = to.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let created = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".partial")
        .tempfile_in(to.parent().unwrap_or(to));
    // Closed before SQLite opens it: closing a file releases the locks of the
    // process on it.
    let created = created.map(NamedTempFile::into_temp_path);
    created.map_err(|source| cannot_create(to, source))
}

/// Gives a finished file its name, durably, unless there is a file of this name.
fn publish(partial: TempPath, to: &Path) -> io::Result<()> {
    File::open(&partial)?.sync_all()?;
    partial.persist_noclobber(to)?;
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
