//! [`DatabaseFile`]: a database file, opened again when another takes its
//! place.
//!
//! A connection goes on reading the file it opened, whatever lies under the
//! path since. So the path is looked at now and then, and when another file
//! is there, a fresh set of connections takes over.
//!
//! Opening a missing file with leave to create it makes an empty database,
//! which knows no session. So only the very first opening has that leave.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::SqliteConfig;
use crate::error::{StandingError, error};
use crate::open_file::{OpenFile, create, look};
use crate::schema::Missing;

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

    /// What has to be given up before another file is opened.
    fn open(&self) -> Option<&Arc<OpenFile>> {
        match self {
            Self::Open(open) => Some(open),
            Self::Failed { before, .. } => before.as_ref(),
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
        let open = OpenFile::open(&config, missing).await?;
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

    pub(crate) fn path(&self) -> &Path {
        &self.config.path
    }

    /// The connections to what lies under the path at a moment after this call
    /// began.
    pub(crate) async fn in_place(&self) -> Result<Arc<OpenFile>, StoreError> {
        loop {
            let open = self.open_file(Look::Now).await?;
            // It may be what another call opened, after a look before this one.
            if look(&self.config.path)? == open.identity {
                return Ok(open);
            }
        }
    }

    /// The connections to the file that lies under the path now, or did at
    /// most [`LOOK_EVERY`] ago.
    pub(crate) async fn open_file(&self, look_when: Look) -> Result<Arc<OpenFile>, StoreError> {
        let state = self.state.load_full();
        let is_due = self.is_look_due();
        if look_when == Look::NowAndThen && !is_due {
            return state.answer();
        }
        let identity = look(&self.config.path).ok();
        if let State::Open(open) = &*state
            && identity == Some(open.identity)
            && !open.is_closed()
        {
            if !open.is_in_doubt() {
                open.note_side_files();
                self.looked();
                return Ok(Arc::clone(open));
            }
            // Opening it anew may not help, so that writers that fail one
            // after the other must not do it each time.
            if !is_due {
                return Ok(Arc::clone(open));
            }
        }

        let _one_at_a_time = self.reopening.lock().await;
        let newest = self.state.load_full();
        if !Arc::ptr_eq(&state, &newest) {
            return newest.answer();
        }
        let next = Arc::new(self.reopened_in_time(&state).await);
        self.report(&state, &next);
        self.state.store(Arc::clone(&next));
        self.looked();
        next.answer()
    }

    /// It takes milliseconds where nothing is wrong.
    ///
    /// A call may be dropped at any point in here, and the next one starts
    /// again from the same state. So callers with less patience than this
    /// would never see it end; a resolver has more.
    async fn reopened_in_time(&self, state: &State) -> State {
        let patience = self.config.acquire_timeout;
        tokio::time::timeout(patience, self.reopened(state))
            .await
            .unwrap_or_else(|_| {
                let late = error(StoreErrorKind::TimedOut)
                    .with_source("the database could not be opened anew in time");
                State::failed(late, state.open().cloned())
            })
    }

    async fn reopened(&self, state: &State) -> State {
        let before = state.open();
        let identity = match look(&self.config.path) {
            Ok(identity) => identity,
            // What is open stays open: the file may come back as it was.
            Err(error) => return State::failed(error, before.cloned()),
        };
        if let Some(open) = before {
            if open.identity == identity && !open.is_closed() {
                if !open.is_in_doubt() {
                    return State::Open(Arc::clone(open));
                }
                // The file is the same, and lookups go on while it is opened
                // once more: it may be only writes that fail.
                if open.has_its_side_files()
                    && let Ok(next) = OpenFile::open(&self.config, Missing::Refuse).await
                {
                    open.close();
                    return State::Open(Arc::new(next));
                }
            }
            if let Err(error) = open.give_up().await {
                return State::failed(error, Some(Arc::clone(open)));
            }
        }
        match OpenFile::open(&self.config, Missing::Refuse).await {
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

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnection;
    use sqlx::{Connection, raw_sql};

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
    /// A database that only reads and that has no log, so that a writer can
    /// shut it out.
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
        // The store's connections close on threads of their own.
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
    async fn a_file_in_doubt_is_opened_anew_at_most_four_times_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("sessions.db")).create_if_missing(true);
        let file = DatabaseFile::open(config).await.unwrap();
        let started = Instant::now();
        let (mut open, mut times) = (file.open_file(Look::Now).await.unwrap(), 0);
        for _ in 0..100 {
            open.put_in_doubt();
            let next = file.open_file(Look::Now).await.unwrap();
            times += u128::from(!Arc::ptr_eq(&open, &next));
            open = next;
        }
        assert!(times <= started.elapsed().as_millis() / LOOK_EVERY.as_millis() + 1);
    }

    #[tokio::test]
    async fn the_connections_in_doubt_serve_until_there_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut writer) = locked_out(&folder, Duration::from_secs(10)).await;
        let before = file.state.load_full().answer().unwrap();
        before.put_in_doubt();
        file.next_look_ms.store(0, Ordering::Relaxed);

        let opening = tokio::spawn({
            let file = Arc::clone(&file);
            async move { file.open_file(Look::Now).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!before.is_closed());
        raw_sql("COMMIT").execute(&mut writer).await.unwrap();
        let after = opening.await.unwrap().unwrap();
        assert!(!Arc::ptr_eq(&before, &after));
    }

    #[tokio::test]
    async fn opening_anew_ends_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let (file, mut writer) = locked_out(&folder, Duration::from_millis(500)).await;
        let before = file.state.load_full().answer().unwrap();
        before.put_in_doubt();
        file.next_look_ms.store(0, Ordering::Relaxed);

        // Without a bound it would wait for the lock as long as it may.
        let started = Instant::now();
        let error = file.open_file(Look::Now).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(5));

        raw_sql("COMMIT").execute(&mut writer).await.unwrap();
        while file.open_file(Look::Now).await.is_err() {}
    }
}
