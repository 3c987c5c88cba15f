//! [`DatabaseFile`]: a database file that is opened again when it is replaced.
//!
//! A connection keeps reading the file that it opened, even if the path leads
//! to another file later. So the path is checked regularly, and if it leads to
//! another file, a new set of connections takes over.
//!
//! Creating a missing file makes an empty database, which would answer that no
//! session exists. So only the very first opening creates a file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::absolute_path::absolute;
use crate::config::SqliteConfig;
use crate::connect::create_file;
use crate::error::error;
use crate::file_identity::FileIdentity;
use crate::open_file::OpenFile;
use crate::schema::MissingTables;

/// How long a lookup may be answered from a file that has been replaced, and
/// how often a file that failed to open is tried again.
const PATH_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// When to check which file the path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathCheck {
    /// When the last check is [`PATH_CHECK_INTERVAL`] ago.
    WhenDue,
    Now,
}

/// A database file and the connections to it.
pub(crate) struct DatabaseFile {
    config: SqliteConfig,
    state: ArcSwap<State>,
    /// Held by the one call that opens the file again or closes it.
    reopening: tokio::sync::Mutex<()>,
    is_closed: AtomicBool,
    started: Instant,
    /// The time of the next check, counted from `started`.
    next_check_ms: AtomicU64,
}

enum State {
    Open(Arc<OpenFile>),
    /// Every call fails with this error, until the next check of the path.
    Failed {
        error: StoreError,
        /// The file that was open before and is not retired yet.
        previous: Option<Arc<OpenFile>>,
    },
}

impl State {
    /// Returns the file that is to be retired before another one is opened.
    fn file(&self) -> Option<&Arc<OpenFile>> {
        match self {
            Self::Open(file) => Some(file),
            Self::Failed { previous, .. } => previous.as_ref(),
        }
    }

    fn to_result(&self) -> Result<Arc<OpenFile>, StoreError> {
        match self {
            Self::Open(file) => Ok(Arc::clone(file)),
            Self::Failed { error, .. } => Err(error.clone()),
        }
    }
}

impl DatabaseFile {
    /// Opens the file that `config` names, and creates it if `config` says so.
    pub(crate) async fn open(config: SqliteConfig) -> Result<Self, StoreError> {
        let config = with_absolute_path(config)?;
        if config.create_if_missing && !config.read_only {
            create_file(&config.path)?;
        }
        let missing = if config.create_if_missing {
            MissingTables::Create
        } else {
            MissingTables::Refuse
        };
        let file = OpenFile::open(&config, missing).await?;
        Ok(Self::new(config, State::Open(Arc::new(file))))
    }

    /// Returns the file that `config` names, to be opened by the first call.
    pub(crate) fn open_lazy(config: SqliteConfig) -> Result<Self, StoreError> {
        let config = with_absolute_path(config)?;
        let state = State::Failed {
            error: error(StoreErrorKind::Unavailable).with_source("it is not open yet"),
            previous: None,
        };
        Ok(Self::new(config, state))
    }

    fn new(config: SqliteConfig, state: State) -> Self {
        Self {
            config,
            state: ArcSwap::from_pointee(state),
            reopening: tokio::sync::Mutex::new(()),
            is_closed: AtomicBool::new(false),
            started: Instant::now(),
            next_check_ms: AtomicU64::new(0),
        }
    }

    /// Makes every later call fail, and returns the file that is to be shut
    /// down.
    pub(crate) async fn begin_to_close(&self) -> Option<Arc<OpenFile>> {
        let _reopening = self.reopening.lock().await;
        self.is_closed.store(true, Ordering::Relaxed);
        let before = self.state.swap(Arc::new(State::Failed {
            error: error(StoreErrorKind::Unavailable).with_source("the store was closed"),
            previous: None,
        }));
        before.file().cloned()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn acquire_timeout(&self) -> Duration {
        self.config.acquire_timeout
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.config.read_only
    }

    pub(crate) fn path(&self) -> &Path {
        &self.config.path
    }

    /// Returns the connections to the file that was under the path at some
    /// moment after this call began.
    pub(crate) async fn current_file(&self) -> Result<Arc<OpenFile>, StoreError> {
        loop {
            let file = self.open_file(PathCheck::Now).await?;
            // Another call may have opened it, after a check that was made
            // before this call.
            if FileIdentity::of_database(&self.config.path)? == file.identity() {
                return Ok(file);
            }
        }
    }

    /// Returns the connections to the file that is under the path, or was at
    /// most [`PATH_CHECK_INTERVAL`] ago.
    pub(crate) async fn open_file(&self, check: PathCheck) -> Result<Arc<OpenFile>, StoreError> {
        let state = self.state.load_full();
        let is_due = self.is_check_due();
        if self.is_closed() || check == PathCheck::WhenDue && !is_due {
            return state.to_result();
        }
        let identity = FileIdentity::of(&self.config.path).ok();
        if let State::Open(file) = &*state
            && identity == Some(file.identity())
            && !file.is_closed()
        {
            if !file.is_suspect() {
                file.sidecars().record();
                self.schedule_check();
                return Ok(Arc::clone(file));
            }
            // Opening it again may not help, and writes that fail one after the
            // other must not do it each time.
            if !is_due {
                return Ok(Arc::clone(file));
            }
        }

        let _reopening = self.reopening.lock().await;
        let newest = self.state.load_full();
        // Another call has opened or closed it.
        if !Arc::ptr_eq(&state, &newest) {
            return newest.to_result();
        }
        let next = Arc::new(self.reopen_in_time(&state).await);
        self.log_transition(&state, &next);
        self.state.store(Arc::clone(&next));
        self.schedule_check();
        next.to_result()
    }

    /// Opens the file again, which takes milliseconds when nothing is wrong.
    ///
    /// A caller may drop this future at any point; the next call starts again
    /// from the same state. So callers that always give up earlier never see it
    /// succeed; a resolver waits longer.
    async fn reopen_in_time(&self, state: &State) -> State {
        tokio::time::timeout(self.config.acquire_timeout, self.reopen(state))
            .await
            .unwrap_or_else(|_elapsed| State::Failed {
                error: error(StoreErrorKind::TimedOut)
                    .with_source("the database could not be opened again in time"),
                previous: state.file().cloned(),
            })
    }

    async fn reopen(&self, state: &State) -> State {
        let previous = state.file();
        let identity = match FileIdentity::of_database(&self.config.path) {
            Ok(identity) => identity,
            // The open file stays open: it may come back unchanged.
            Err(error) => {
                let previous = previous.cloned();
                return State::Failed { error, previous };
            }
        };
        if let Some(file) = previous {
            if file.identity() == identity && !file.is_closed() {
                if !file.is_suspect() {
                    return State::Open(Arc::clone(file));
                }
                // The file is the same, and lookups continue while it is opened
                // again: perhaps only writes fail.
                if file.sidecars().are_in_place()
                    && let Ok(next) = OpenFile::open(&self.config, MissingTables::Refuse).await
                {
                    file.close();
                    return State::Open(Arc::new(next));
                }
            }
            if let Err(error) = file.retire().await {
                let previous = Some(Arc::clone(file));
                return State::Failed { error, previous };
            }
        }
        match OpenFile::open(&self.config, MissingTables::Refuse).await {
            Ok(file) => State::Open(Arc::new(file)),
            Err(error) => State::Failed {
                error,
                previous: None,
            },
        }
    }

    /// Logs each new failure once, and each success.
    fn log_transition(&self, before: &State, after: &State) {
        let path = self.config.path.display();
        match (before, after) {
            (_, State::Open(_)) => tracing::info!(%path, "session database reopened"),
            (State::Failed { error: before, .. }, State::Failed { error, .. })
                if before.chain().to_string() == error.chain().to_string() => {}
            (_, State::Failed { error, .. }) => {
                tracing::warn!(%path, error = %error.chain(), "session database unavailable");
            }
        }
    }

    fn is_check_due(&self) -> bool {
        self.started.elapsed().as_millis() >= u128::from(self.next_check_ms.load(Ordering::Relaxed))
    }

    fn schedule_check(&self) {
        let next = (self.started.elapsed() + PATH_CHECK_INTERVAL).as_millis();
        let next_ms = u64::try_from(next).unwrap_or(u64::MAX);
        self.next_check_ms.store(next_ms, Ordering::Relaxed);
    }
}

fn with_absolute_path(mut config: SqliteConfig) -> Result<SqliteConfig, StoreError> {
    config.path = absolute(&config.path)
        .map_err(|source| error(StoreErrorKind::InvalidConfig).with_source(source))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnection;
    use sqlx::{Connection, raw_sql};

    use super::*;

    #[test]
    fn special_names_of_sqlite_become_paths() {
        for name in [":memory:", "file:x?mode=memory", "sessions.db"] {
            let path = with_absolute_path(SqliteConfig::new(name)).unwrap().path;
            assert!(path.is_absolute() && path.ends_with(name), "{path:?}");
        }
        for name in ["", "a\0b"] {
            let error = with_absolute_path(SqliteConfig::new(name)).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::InvalidConfig, "{name:?}");
        }
    }

    /// Opens a database read-only and without a log, and locks readers out.
    async fn locked_out(
        folder: &tempfile::TempDir,
        acquire_timeout: Duration,
    ) -> (Arc<DatabaseFile>, SqliteConnection) {
        let path = folder.path().join("sessions.db");
        let config = SqliteConfig::new(&path);
        drop(
            DatabaseFile::open(config.clone().create_if_missing(true))
                .await
                .unwrap(),
        );
        let url = format!("sqlite:{}", path.display());
        let mut writer = SqliteConnection::connect(&url).await.unwrap();
        // The connections of the store close on threads of their own.
        while raw_sql("PRAGMA journal_mode = DELETE")
            .execute(&mut writer)
            .await
            .is_err()
        {}
        let config = config
            .read_only(true)
            .busy_timeout(Duration::from_secs(10))
            .acquire_timeout(acquire_timeout);
        let file = DatabaseFile::open(config).await.unwrap();
        raw_sql("BEGIN EXCLUSIVE")
            .execute(&mut writer)
            .await
            .unwrap();
        (Arc::new(file), writer)
    }

    #[tokio::test]
    async fn suspect_file_is_reopened_at_most_four_times_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("sessions.db")).create_if_missing(true);
        let file = DatabaseFile::open(config).await.unwrap();
        let started = Instant::now();
        let (mut open, mut times) = (file.open_file(PathCheck::Now).await.unwrap(), 0);
        for _ in 0..100 {
            open.mark_suspect();
            let next = file.open_file(PathCheck::Now).await.unwrap();
            times += u128::from(!Arc::ptr_eq(&open, &next));
            open = next;
        }
        assert!(times <= started.elapsed().as_millis() / PATH_CHECK_INTERVAL.as_millis() + 1);
    }

    #[tokio::test]
    async fn suspect_connections_serve_until_they_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut writer) = locked_out(&folder, Duration::from_secs(10)).await;
        let before = file.state.load_full().to_result().unwrap();
        before.mark_suspect();
        file.next_check_ms.store(0, Ordering::Relaxed);

        let reopening = tokio::spawn({
            let file = Arc::clone(&file);
            async move { file.open_file(PathCheck::Now).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!before.is_closed());
        raw_sql("COMMIT").execute(&mut writer).await.unwrap();
        let after = reopening.await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&before, &after));
    }

    #[tokio::test]
    async fn reopening_gives_up_after_the_acquire_timeout() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut writer) = locked_out(&folder, Duration::from_millis(500)).await;
        let before = file.state.load_full().to_result().unwrap();
        before.mark_suspect();
        file.next_check_ms.store(0, Ordering::Relaxed);

        // Without a limit it would wait for the lock for 10 s.
        let error = file.open_file(PathCheck::Now).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TimedOut);

        raw_sql("COMMIT").execute(&mut writer).await.unwrap();
        while file.open_file(PathCheck::Now).await.is_err() {}
    }
}
