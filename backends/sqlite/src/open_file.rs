//! [`OpenFile`]: one database file and the connections to it.
//!
//! SQLite finds the log and its index by their names beside the database, when
//! a connection first reads. Two consequences shape this file:
//!
//! - SQLite would apply the log of a replaced file to its successor. So the log
//!   that is known to be the old file's is removed before the new file is
//!   opened, and each connection reads before it is used.
//! - A connection to the new file truncates the index while connections to the
//!   old file have it mapped, which kills the process. So a connection is never
//!   opened without checking the path first: each set of connections is
//!   complete from the start and never grows, and [`OpenFile::connect`] checks.

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::ConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};

use crate::config::SqliteConfig;
use crate::connect::{connect_options, enable_write_ahead_log};
use crate::error::{error, makes_file_suspect, open_error, use_error};
use crate::file_identity::FileIdentity;
#[cfg(unix)]
use crate::leftover_log;
use crate::schema::{self, Migration, MissingTables, SchemaError};
use crate::sidecars::Sidecars;

/// How long the log of a replaced file may take to be written back, while its
/// successor waits.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(250);

/// How long closing may take. Only the end of the process waits for it.
const SHUT_DOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// What a call does with its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// One file and a full set of connections to it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    readers: SqlitePool,
    /// A single connection: SQLite has one writer at a time, and a connection
    /// discards the pages that it has cached once another one has written, which
    /// made writes a fifth to a third slower.
    writer: SqlitePool,
    config: SqliteConfig,
    identity: FileIdentity,
    /// The path without symbolic links, where SQLite puts the sidecars.
    path: PathBuf,
    sidecars: Sidecars,
    is_suspect: AtomicBool,
    /// Whether the tables are known to have the current version.
    is_current: AtomicBool,
    migration: Option<Migration>,
}

impl OpenFile {
    /// Opens the file at the path of `config`.
    ///
    /// # Errors
    ///
    /// `Unavailable` among others, when the file is replaced while it is opened:
    /// some connections may lead to the old file and some to the new one.
    pub(crate) async fn open(
        config: &SqliteConfig,
        missing: MissingTables,
    ) -> Result<Self, StoreError> {
        let identity = FileIdentity::of_database(&config.path)?;
        let opened = Self::open_as(identity, config, missing).await;
        identity.ensure_still_at(&config.path)?;
        opened
    }

    async fn open_as(
        identity: FileIdentity,
        config: &SqliteConfig,
        missing: MissingTables,
    ) -> Result<Self, StoreError> {
        let failed = |source| open_error(&config.path, source);
        let path =
            fs::canonicalize(&config.path).map_err(|source| failed(sqlx::Error::Io(source)))?;
        #[cfg(unix)]
        leftover_log::ensure_own(&path).await?;

        let options = connect_options(config, &path);
        let writer = pool(config, NonZeroU32::MIN, options.clone());
        let readers = pool(config, config.max_connections, options);
        let not_usable = |error: SchemaError| error.open_error(&config.path);
        let mut migration = None;
        if !config.read_only {
            let mut connection = writer.acquire().await.map_err(failed)?;
            if config.migrate {
                enable_write_ahead_log(&mut connection, config.busy_timeout)
                    .await
                    .map_err(failed)?;
                migration = schema::upgrade(&mut connection, missing)
                    .await
                    .map_err(not_usable)?;
            } else {
                schema::check_readable(&mut connection)
                    .await
                    .map_err(not_usable)?;
            }
        }
        if let Some(Migration { from: 1.., to }) = migration {
            tracing::warn!(
                path = %config.path.display(),
                to,
                "session database migrated; older versions of this program refuse it from now on"
            );
        }
        let mut connections = Vec::new();
        for _ in 0..config.max_connections.get() {
            identity.ensure_still_at(&config.path)?;
            let mut connection = readers.acquire().await.map_err(failed)?;
            schema::check_readable(&mut connection)
                .await
                .map_err(not_usable)?;
            connections.push(connection);
        }
        drop(connections);
        // A pool must not replace a broken connection by one to whatever file is
        // at the path by then. No file can exist below a file.
        for pool in [&writer, &readers] {
            pool.set_connect_options(connect_options(config, &path.join("closed")));
        }

        let sidecars = Sidecars::of(path.clone());
        sidecars.record();
        Ok(Self {
            readers,
            writer,
            config: config.clone(),
            identity,
            path,
            sidecars,
            is_suspect: AtomicBool::new(false),
            is_current: AtomicBool::new(config.migrate && !config.read_only),
            migration,
        })
    }

    /// Returns which migration opening the file performed.
    pub(crate) fn migration(&self) -> Option<Migration> {
        self.migration
    }

    /// Fails unless the tables have the current version, which writing needs.
    pub(crate) async fn ensure_current(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), StoreError> {
        if !self.is_current.load(Ordering::Relaxed) {
            schema::check(connection).await?;
            self.is_current.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn identity(&self) -> FileIdentity {
        self.identity
    }

    pub(crate) fn sidecars(&self) -> &Sidecars {
        &self.sidecars
    }

    /// Takes a connection for a call of this kind.
    pub(crate) async fn acquire(
        &self,
        access: Access,
    ) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        match access {
            Access::Read => self.readers.acquire().await,
            Access::Write => self.writer.acquire().await,
        }
    }

    /// Opens a connection outside the set.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        self.identity.ensure_still_at(&self.config.path)?;
        if !self.sidecars.are_in_place() {
            self.mark_suspect();
            return Err(error(StoreErrorKind::Unavailable)
                .with_source("the log of the database was removed while it was in use"));
        }
        let mut connection = connect_options(&self.config, &self.path)
            .connect()
            .await
            .map_err(|source| open_error(&self.config.path, source))?;
        schema::check_readable(&mut connection)
            .await
            .map_err(|error| error.open_error(&self.config.path))?;
        self.identity.ensure_still_at(&self.config.path)?;
        Ok(connection)
    }

    /// Converts an error of a connection, and marks the file suspect where
    /// opening it again may help.
    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        if makes_file_suspect(&source) {
            self.mark_suspect();
        }
        use_error(&self.config.path, source)
    }

    /// Requests that the file be opened again at the next check of the path.
    pub(crate) fn mark_suspect(&self) {
        self.is_suspect.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_suspect(&self) -> bool {
        self.is_suspect.load(Ordering::Relaxed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.readers.is_closed()
    }

    /// Closes the connections, and removes the sidecars when another file has
    /// replaced this one.
    pub(crate) async fn retire(&self) -> Result<(), StoreError> {
        if self.is_replaced() {
            self.write_log_back(CHECKPOINT_TIMEOUT).await;
        }
        self.close();
        self.sidecars.remove_while(|| self.is_replaced())
    }

    /// Closes the connections in the background, once the calls that use them
    /// have finished.
    pub(crate) fn close(&self) {
        let (readers, writer) = (self.readers.clone(), self.writer.clone());
        tokio::spawn(async move { tokio::join!(readers.close(), writer.close()) });
    }

    /// Writes the log into the database, so that the file alone holds every
    /// session, and closes the connections once the calls that use them have
    /// finished.
    pub(crate) async fn shut_down(&self) {
        if self.is_replaced() {
            if let Err(error) = self.retire().await {
                tracing::warn!(error = %error.chain(), "session database not closed");
            }
            return;
        }
        if !self.config.read_only {
            self.write_log_back(SHUT_DOWN_TIMEOUT).await;
        }
        let closing = async { tokio::join!(self.readers.close(), self.writer.close()) };
        let closed = tokio::time::timeout(SHUT_DOWN_TIMEOUT, closing).await;
        if closed.is_err() {
            tracing::debug!("calls that use the session database do not end");
        }
    }

    fn is_replaced(&self) -> bool {
        FileIdentity::of(&self.path).ok() != Some(self.identity)
    }

    /// Writes the log into the database it belongs to, which may have been
    /// moved elsewhere to be kept, and empties the log.
    ///
    /// SQLite does not do so by itself once its database was moved. It is not
    /// possible while others read or write, or when the store is read-only.
    async fn write_log_back(&self, timeout: Duration) {
        let checkpoint = async {
            let mut connection = self.writer.acquire().await?;
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&mut *connection)
                .await
        };
        let written = tokio::time::timeout(timeout, checkpoint).await;
        if !matches!(written, Ok(Ok(_))) {
            tracing::debug!(?written, "log of the session database not written back");
        }
    }
}

/// Returns a pool that opens its connections when they are first taken. They have
/// no maximum age: they are files, not sockets.
fn pool(
    config: &SqliteConfig,
    connections: NonZeroU32,
    options: SqliteConnectOptions,
) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections.get())
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_lazy_with(options)
}
