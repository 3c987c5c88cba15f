//! [`DatabaseFile`]: a database file, opened again when another takes its
//! place.
//!
//! A connection goes on reading the file it opened, whatever lies under the
//! path since. So the path is looked at now and then, and when another file
//! is there, a fresh set of connections takes over.
//!
//! Three things about SQLite shape this file:
//!
//! - The write-ahead log lies under a name, `X-wal` beside `X`, and nothing in
//!   it says which `X` it belongs to. One that a replaced file left behind
//!   would be applied to the new file, which mixes the two. So a log that is
//!   known to be the old file's is removed before the new file is opened.
//! - The same holds for `X-shm`, and worse: a connection to the new file cuts
//!   it short while connections to the old one have it mapped, which kills
//!   the process. So a connection must never be opened by path without a look
//!   at the path first: each set of connections is complete from the start,
//!   and no connection is added to it later.
//! - Opening a missing file with leave to create it makes an empty database,
//!   which knows no session. So only the very first opening has that leave.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

use arc_swap::ArcSwap;
use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use crate::SqliteConfig;
use crate::error::{StandingError, error, is_busy, opening_error, puts_file_in_doubt, store_error};
use crate::file_identity::FileIdentity;
use crate::schema::{self, Missing};

/// How long an answer may come from a file that has been replaced, and how
/// often a file that could not be opened is tried again.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// When to look at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// When the last look is [`LOOK_EVERY`] ago.
    NowAndThen,
    Now,
}

/// A database file and the connections to it.
pub(crate) struct DatabaseFile {
    config: SqliteConfig,
    state: ArcSwap<State>,
    /// Held while the file is opened again, by one call at a time.
    reopening: tokio::sync::Mutex<()>,
    started: Instant,
    /// In milliseconds after `started`.
    next_look_ms: AtomicU64,
}

#[derive(Debug)]
enum State {
    Open(Arc<OpenFile>),
    Failed {
        error: StandingError,
        /// What was open before, and is not given up yet.
        before: Option<Arc<OpenFile>>,
    },
}

impl State {
    fn failed(error: StoreError, before: Option<Arc<OpenFile>>) -> Self {
        Self::Failed {
            error: StandingError::new(error),
            before,
        }
    }

    fn answer(&self) -> Result<Arc<OpenFile>, StoreError> {
        match self {
            Self::Open(open) => Ok(Arc::clone(open)),
            Self::Failed { error, .. } => Err(error.to_store_error()),
        }
    }
}

impl DatabaseFile {
    /// Opens the file that `config` names, creating it if `config` says so.
    pub(crate) async fn open(config: SqliteConfig) -> Result<Self, StoreError> {
        let config = checked(config)?;
        if config.create_if_missing && !config.read_only {
            create(&config).await?;
        }
        let missing = if config.create_if_missing {
            Missing::Create
        } else {
            Missing::Refuse
        };
        let identity = look(&config.path)?;
        let open = OpenFile::open(&config, identity, missing).await?;
        Ok(Self::new(config, State::Open(Arc::new(open))))
    }

    /// The file that `config` names, to be opened when it is first needed.
    pub(crate) fn open_later(config: SqliteConfig) -> Result<Self, StoreError> {
        let not_yet = error(StoreErrorKind::Unavailable).with_source("it is not open yet");
        Ok(Self::new(checked(config)?, State::failed(not_yet, None)))
    }

    fn new(config: SqliteConfig, state: State) -> Self {
        Self {
            config,
            state: ArcSwap::from_pointee(state),
            reopening: tokio::sync::Mutex::new(()),
            started: Instant::now(),
            next_look_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.config.read_only
    }

    /// The connections to the file that lies under the path now, or did at
    /// most [`LOOK_EVERY`] ago.
    pub(crate) async fn open_file(&self, look_when: Look) -> Result<Arc<OpenFile>, StoreError> {
        let state = self.state.load_full();
        if look_when == Look::NowAndThen && !self.is_look_due() {
            return state.answer();
        }
        let identity = look(&self.config.path).ok();
        if let State::Open(open) = &*state
            && open.is_sound()
            && identity == Some(open.identity)
        {
            open.note_side_files();
            self.looked();
            return Ok(Arc::clone(open));
        }

        let _one_at_a_time = self.reopening.lock().await;
        let newest = self.state.load_full();
        if !Arc::ptr_eq(&state, &newest) {
            return newest.answer();
        }
        let next = Arc::new(self.reopened(&state).await);
        self.report(&state, &next);
        self.state.store(Arc::clone(&next));
        self.looked();
        next.answer()
    }

    /// A call may be dropped at any point in here, and the next one starts
    /// again from the same state.
    async fn reopened(&self, state: &State) -> State {
        let before = match state {
            State::Open(open) => Some(open),
            State::Failed { before, .. } => before.as_ref(),
        };
        let identity = match look(&self.config.path) {
            Ok(identity) => identity,
            // What is open stays open: the file may come back as it was.
            Err(error) => return State::failed(error, before.cloned()),
        };
        if let Some(open) = before {
            if open.identity == identity && open.is_sound() {
                return State::Open(Arc::clone(open));
            }
            if let Err(error) = open.give_up().await {
                return State::failed(error, Some(Arc::clone(open)));
            }
        }
        match OpenFile::open(&self.config, identity, Missing::Refuse).await {
            Ok(open) => State::Open(Arc::new(open)),
            Err(error) => State::failed(error, None),
        }
    }

    fn report(&self, before: &State, after: &State) {
        let path = self.config.path.display();
        match (before, after) {
            (_, State::Open(_)) => tracing::info!(%path, "the session database was opened anew"),
            // It is tried again and again; each reason is told once.
            (State::Failed { error: before, .. }, State::Failed { error, .. })
                if before.chain().to_string() == error.chain().to_string() => {}
            (_, State::Failed { error, .. }) => {
                tracing::warn!(%path, error = %error.chain(), "the session database cannot be used");
            }
        }
    }

    fn is_look_due(&self) -> bool {
        self.started.elapsed().as_millis() >= u128::from(self.next_look_ms.load(Ordering::Relaxed))
    }

    fn looked(&self) {
        let next = (self.started.elapsed() + LOOK_EVERY).as_millis();
        let next_ms = u64::try_from(next).unwrap_or(u64::MAX);
        self.next_look_ms.store(next_ms, Ordering::Relaxed);
    }
}

impl fmt::Debug for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseFile")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// One file, with a full set of connections to it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pool: SqlitePool,
    identity: FileIdentity,
    /// Where it lay when it was opened, behind symbolic links: SQLite puts
    /// its side files there.
    path: PathBuf,
    /// Empty until the log is in use, which a store that only reads leaves to
    /// others to begin with, and again once they are removed: then others may
    /// be given their identities.
    side_files: Mutex<Vec<(PathBuf, FileIdentity)>>,
    in_doubt: AtomicBool,
}

impl OpenFile {
    /// Opens the file that was seen under the path of `config` as `identity`.
    ///
    /// Should yet another have taken its place since, `identity` is not that
    /// file's, and the next look finds out.
    async fn open(
        config: &SqliteConfig,
        identity: FileIdentity,
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
            connections.push(pool.acquire().await.map_err(failed)?);
        }
        drop(connections);
        // A connection that breaks is not replaced by one to whatever lies
        // under the path by then: nothing can lie under a file.
        pool.set_connect_options(connect_options(config, &path.join("closed")));

        let open = Self {
            pool,
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
    fn note_side_files(&self) {
        let mut side_files = self.side_files();
        if side_files.is_empty()
            && let (Some(log), Some(index)) = (self.side_file("-wal"), self.side_file("-shm"))
        {
            side_files.extend([log, index]);
        }
    }

    fn side_files(&self) -> MutexGuard<'_, Vec<(PathBuf, FileIdentity)>> {
        self.side_files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn side_file(&self, suffix: &str) -> Option<(PathBuf, FileIdentity)> {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        let identity = FileIdentity::of(path.as_ref()).ok()?;
        Some((path.into(), identity))
    }

    fn is_sound(&self) -> bool {
        !self.in_doubt.load(Ordering::Relaxed) && !self.pool.is_closed()
    }

    /// Closes the connections, and takes away what would harm a file that has
    /// taken this one's place.
    async fn give_up(&self) -> Result<(), StoreError> {
        let replaced = FileIdentity::of(&self.path).ok() != Some(self.identity);
        if replaced {
            self.save_log().await;
        }
        // Calls that hold a connection finish first; nobody waits for them.
        tokio::spawn({
            let pool = self.pool.clone();
            async move { pool.close().await }
        });
        if replaced {
            self.remove_side_files()?;
        }
        Ok(())
    }

    /// Writes what is in the log into the database that it belongs to, which
    /// somebody may have moved elsewhere to keep. It is a courtesy: SQLite
    /// leaves a log behind when its database is moved away.
    async fn save_log(&self) {
        let saving = async {
            let mut connection = self.pool.acquire().await?;
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                .execute(&mut *connection)
                .await
        };
        if let Err(error) = tokio::time::timeout(LOOK_EVERY, saving).await.map_err(drop) {
            tracing::debug!(
                ?error,
                "the log of a replaced database was not written back"
            );
        }
    }

    fn remove_side_files(&self) -> Result<(), StoreError> {
        let mut side_files = self.side_files();
        while let Some((path, identity)) = side_files.last() {
            // One that came with the new file is that file's own.
            if FileIdentity::of(path).ok() == Some(*identity) {
                fs::remove_file(path).map_err(|source| {
                    error(StoreErrorKind::AccessDenied).with_source(StaleSideFile {
                        path: path.display().to_string(),
                        source,
                    })
                })?;
            }
            side_files.pop();
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{path} belongs to a database that was replaced, and cannot be removed; remove it")]
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

fn look(path: &Path) -> Result<FileIdentity, StoreError> {
    FileIdentity::of(path).map_err(|source| {
        error(StoreErrorKind::Unavailable).with_source(NoFile {
            path: path.display().to_string(),
            source,
        })
    })
}

/// Makes the path absolute, so that it stays what it is, whatever becomes of
/// the process's folder, and is never taken for one of SQLite's special names.
fn checked(mut config: SqliteConfig) -> Result<SqliteConfig, StoreError> {
    let invalid = |what: &'static str| error(StoreErrorKind::InvalidConfig).with_source(what);
    config.path = std::path::absolute(&config.path)
        .map_err(|source| error(StoreErrorKind::InvalidConfig).with_source(source))?;
    if config.path.to_str().is_none_or(|path| path.contains('\0')) {
        return Err(invalid("the path of a database is UTF-8 without NUL"));
    }
    Ok(config)
}

/// Makes the file, which the connections themselves never do.
async fn create(config: &SqliteConfig) -> Result<(), StoreError> {
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

    #[test]
    fn names_that_sqlite_takes_for_something_else_become_paths() {
        for name in [":memory:", "file:x?mode=memory", "sessions.db"] {
            let path = checked(SqliteConfig::new(name)).unwrap().path;
            assert!(path.is_absolute() && path.ends_with(name), "{path:?}");
        }
        for name in ["", "a\0b"] {
            let error = checked(SqliteConfig::new(name)).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidConfig, "{name:?}");
        }
    }

    #[tokio::test]
    async fn a_log_that_bears_the_number_of_one_removed_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let config = SqliteConfig::new(&path).create_if_missing(true);
        let open = DatabaseFile::open(config).await.unwrap();
        let open = open.open_file(Look::NowAndThen).await.unwrap();
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
}
