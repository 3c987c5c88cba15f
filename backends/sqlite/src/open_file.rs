//! [`OpenFile`]: one database file, and the connections to it.
//!
//! Two things about SQLite shape this file:
//!
//! - The write-ahead log lies under a name, `X-wal` beside `X`, and nothing in
//!   it says which `X` it belongs to. One that a replaced file left behind
//!   would be applied to the new file, which mixes the two. So a log that is
//!   known to be the old file's is taken away before the new file is opened.
//!   And a connection finds its log by that name when it first reads, so each
//!   connection reads before it is handed out.
//! - The same holds for `X-shm`, and worse: a connection to the new file cuts
//!   it short while connections to the old one have it mapped, which kills
//!   the process. So a connection must never be opened by path without a look
//!   at the path first: each set of connections is complete from the start,
//!   and no connection is added to it later. One beside it looks first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::SqliteConfig;
use crate::error::{error, is_busy, opening_error, puts_file_in_doubt, store_error};
use crate::file_identity::FileIdentity;
use crate::schema::{self, Missing};

/// How long a replaced file may keep its successor waiting.
const SAVED_WITHIN: Duration = Duration::from_millis(250);

/// One file, with a full set of connections to it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pool: SqlitePool,
    config: SqliteConfig,
    pub(crate) identity: FileIdentity,
    /// Where it lay when it was opened, behind symbolic links: SQLite puts
    /// its side files there.
    path: PathBuf,
    /// Empty until the log is in use, which a store that only reads leaves to
    /// others to begin with, and again once they are gone: then others may
    /// be given their identities.
    side_files: Mutex<Vec<SideFile>>,
    in_doubt: AtomicBool,
}

impl OpenFile {
    /// Opens the file that lies under the path of `config`.
    ///
    /// # Errors
    ///
    /// `Unavailable` among others, when another file takes its place meanwhile:
    /// then some of the connections may be to the one and some to the other.
    pub(crate) async fn open(config: &SqliteConfig, missing: Missing) -> Result<Self, StoreError> {
        let identity = look(&config.path)?;
        let opened = Self::open_as(identity, config, missing).await;
        unchanged(&config.path, identity)?;
        opened
    }

    async fn open_as(
        identity: FileIdentity,
        config: &SqliteConfig,
        missing: Missing,
    ) -> Result<Self, StoreError> {
        let failed = |source| opening_error(&config.path, source);
        let path =
            fs::canonicalize(&config.path).map_err(|source| failed(sqlx::Error::Io(source)))?;

        // Connections do not age: they are files, not sockets.
        let pool = SqlitePoolOptions::new()
            .max_connections(config.max_connections.get())
            .acquire_timeout(config.acquire_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(connect_options(config, &path))
            .await
            .map_err(failed)?;

        let mut first = pool.acquire().await.map_err(failed)?;
        if config.read_only {
            schema::check(&mut first).await?;
        } else {
            use_log(&mut first, config.busy_timeout)
                .await
                .map_err(failed)?;
            schema::upgrade(&mut first, missing).await?;
        }
        let mut connections = vec![first];
        while connections.len() < config.max_connections.get() as usize {
            unchanged(&config.path, identity)?;
            let mut connection = pool.acquire().await.map_err(failed)?;
            schema::check(&mut connection).await?;
            connections.push(connection);
        }
        drop(connections);
        // A connection that breaks is not replaced by one to whatever lies
        // under the path by then: nothing can lie under a file.
        pool.set_connect_options(connect_options(config, &path.join("closed")));

        let open = Self {
            pool,
            config: config.clone(),
            identity,
            path,
            side_files: Mutex::default(),
            in_doubt: AtomicBool::new(false),
        };
        open.note_side_files();
        Ok(open)
    }

    pub(crate) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.pool.acquire().await
    }

    /// Opens a connection beside the set.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        unchanged(&self.config.path, self.identity)?;
        if !self.has_its_side_files() {
            self.put_in_doubt();
            return Err(error(StoreErrorKind::Unavailable)
                .with_source("the log of the database was removed while it is in use"));
        }
        let mut connection = connect_options(&self.config, &self.path)
            .connect()
            .await
            .map_err(|source| opening_error(&self.config.path, source))?;
        schema::check(&mut connection).await?;
        unchanged(&self.config.path, self.identity)?;
        Ok(connection)
    }

    /// Has the file opened anew at the next look.
    pub(crate) fn put_in_doubt(&self) {
        self.in_doubt.store(true, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        if puts_file_in_doubt(&source) {
            self.put_in_doubt();
        }
        store_error(source)
    }

    /// Remembers which log is this file's. While the file is open, SQLite
    /// keeps the log that it once began.
    pub(crate) fn note_side_files(&self) {
        let mut side_files = self.side_files();
        if side_files.is_empty()
            && let (Some(log), Some(index)) = (
                SideFile::beside(&self.path, LOG),
                SideFile::beside(&self.path, INDEX),
            )
        {
            side_files.extend([log, index]);
        }
    }

    fn side_files(&self) -> MutexGuard<'_, Vec<SideFile>> {
        self.side_files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }

    /// Whether a second set of connections would find the log that these use.
    /// Where it was deleted, SQLite gives the new ones, within one process,
    /// the index of the old log, until the last of the old ones is closed.
    pub(crate) fn has_its_side_files(&self) -> bool {
        self.side_files().iter().all(SideFile::is_in_place)
    }

    /// Closes the connections, and takes away what would harm a file that has
    /// taken this one's place.
    pub(crate) async fn give_up(&self) -> Result<(), StoreError> {
        if self.is_replaced() {
            self.save_log().await;
        }
        self.close();
        self.take_side_files_away()
    }

    /// Calls that hold a connection finish first; nobody waits for them.
    pub(crate) fn close(&self) {
        let pool = self.pool.clone();
        tokio::spawn(async move { pool.close().await });
    }

    fn is_replaced(&self) -> bool {
        FileIdentity::of(&self.path).ok() != Some(self.identity)
    }

    /// Writes what is in the log into the database that it belongs to, which
    /// somebody may have moved elsewhere to keep, and empties the log. SQLite
    /// does not when its database was moved away, and we cannot while others
    /// read or write, or when the database was opened for reading only.
    async fn save_log(&self) {
        let saving = async {
            let mut connection = self.pool.acquire().await?;
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&mut *connection)
                .await
        };
        if let Err(error) = tokio::time::timeout(SAVED_WITHIN, saving)
            .await
            .map_err(drop)
        {
            tracing::debug!(
                ?error,
                "the log of a replaced database was not written back"
            );
        }
    }

    fn take_side_files_away(&self) -> Result<(), StoreError> {
        let mut side_files = self.side_files();
        while let Some(side_file) = side_files.last() {
            // Asked right before: the database may have come back meanwhile.
            if !self.is_replaced() {
                return Ok(());
            }
            side_file.take_away().map_err(|source| {
                error(StoreErrorKind::AccessDenied).with_source(StaleSideFile {
                    path: side_file.path.display().to_string(),
                    source,
                })
            })?;
            side_files.pop();
        }
        Ok(())
    }
}

/// A file that SQLite keeps beside the database.
#[derive(Debug)]
struct SideFile {
    path: PathBuf,
    identity: FileIdentity,
    is_log: bool,
}

impl SideFile {
    /// The one that lies beside `database` now.
    fn beside(database: &Path, suffix: &str) -> Option<Self> {
        let path = with_suffix(database, suffix);
        let identity = FileIdentity::of(&path).ok()?;
        Some(Self {
            path,
            identity,
            is_log: suffix == LOG,
        })
    }

    /// Whether it still lies under its name.
    fn is_in_place(&self) -> bool {
        FileIdentity::of(&self.path).ok() == Some(self.identity)
    }

    /// Makes its name free, unless another file has it already: one that came
    /// with a new database is that database's own.
    ///
    /// A log that is not empty may hold what was committed, and keeps it under
    /// another name.
    fn take_away(&self) -> io::Result<()> {
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
            "a session database was replaced before all of its log was written back; the log was kept under this name"
        );
        Ok(())
    }
}

const LOG: &str = "-wal";
const INDEX: &str = "-shm";

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.to_path_buf().into_os_string();
    path.push(suffix);
    path.into()
}

#[derive(Debug, thiserror::Error)]
#[error("{path} belongs to a database that was replaced, and cannot be moved; move it away")]
struct StaleSideFile {
    path: String,
    source: io::Error,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no database file {path}")]
struct NoFile {
    path: String,
    source: io::Error,
}

/// Which file lies under `path`, behind symbolic links.
pub(crate) fn look(path: &Path) -> Result<FileIdentity, StoreError> {
    FileIdentity::of(path).map_err(|source| {
        error(StoreErrorKind::Unavailable).with_source(NoFile {
            path: path.display().to_string(),
            source,
        })
    })
}

fn unchanged(path: &Path, identity: FileIdentity) -> Result<(), StoreError> {
    if look(path)? == identity {
        return Ok(());
    }
    Err(error(StoreErrorKind::Unavailable)
        .with_source("the database file was replaced while it was opened; try again"))
}

/// Makes the file, which the connections themselves never do.
pub(crate) async fn create(config: &SqliteConfig) -> Result<(), StoreError> {
    let failed = |source| opening_error(&config.path, source);
    connect_options(config, &config.path)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(failed)?
        .close()
        .await
        .map_err(failed)
}

fn connect_options(config: &SqliteConfig, path: &Path) -> SqliteConnectOptions {
    /// SQLite takes milliseconds in 32 bits.
    const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);

    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(config.busy_timeout.min(LONGEST))
        .disable_statement_logging();
    if config.read_only {
        options.read_only(true)
    } else {
        options.synchronous(SqliteSynchronous::Normal)
    }
}

/// Switches the database to a write-ahead log, which it stays at.
///
/// SQLite does not wait here for another connection that writes, so we do.
async fn use_log(connection: &mut SqliteConnection, patience: Duration) -> Result<(), sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(5);

    let started = Instant::now();
    loop {
        let switched = sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await;
        match switched {
            Err(error) if is_busy(&error) && started.elapsed() < patience => {
                tokio::time::sleep(PAUSE).await;
            }
            switched => return switched.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_that_bears_the_number_of_one_removed_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let config = SqliteConfig::new(&path).create_if_missing(true);
        create(&config).await.unwrap();
        let open = OpenFile::open(&config, Missing::Create).await.unwrap();
        // As a file system gives a number anew that is free again.
        let (log, kept) = (
            folder.path().join("sessions.db-wal"),
            folder.path().join("kept"),
        );
        fs::hard_link(&log, &kept).unwrap();
        fs::remove_file(&path).unwrap();

        open.give_up().await.unwrap();
        assert!(!log.exists());
        fs::rename(&kept, &log).unwrap();
        open.give_up().await.unwrap();
        assert!(log.exists());
    }
    #[tokio::test]
    async fn a_database_that_came_back_meanwhile_keeps_its_side_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let config = SqliteConfig::new(&path).create_if_missing(true);
        create(&config).await.unwrap();
        let open = OpenFile::open(&config, Missing::Create).await.unwrap();
        let log = SideFile::beside(&path, LOG).unwrap();

        // Replaced when it was looked at, and back when they are to go.
        open.take_side_files_away().unwrap();
        assert!(log.is_in_place());
        fs::rename(&path, folder.path().join("away.db")).unwrap();
        open.take_side_files_away().unwrap();
        assert!(!log.is_in_place());
    }
}
