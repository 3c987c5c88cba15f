//! [`SqliteStore`]: opening and lookups.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_core::{SessionId, SessionRecord, SessionStore, StoreError, async_trait};
use sqlx::sqlite::SqlitePool;

use crate::config::SqliteConfig;
use crate::database::Database;
use crate::database_file::DatabaseFile;
use crate::row::{columns, decode};
use crate::schema::{self, Migration};

/// A store that keeps sessions in an SQLite database.
///
/// The [crate's page](crate) lists what it guarantees. `Debug` shows the path
/// of the database.
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
}

impl SqliteStore {
    /// Opens the database file that `config` names and migrates its tables to
    /// the current version.
    ///
    /// # Errors
    ///
    /// - `Unavailable`: the file does not exist, cannot be opened, or is locked
    ///   by another process; retryable.
    /// - `Incompatible`: the tables are missing and `config` does not allow the
    ///   store to create them, or they are newer than this library.
    /// - `CorruptStore`: the file is not an SQLite database, or is damaged, or
    ///   the log beside it belongs to another database.
    /// - `NotWritable`: the tables are missing or out of date, and the file
    ///   cannot be written.
    /// - `InvalidConfig`: the path is not UTF-8.
    pub async fn open(config: SqliteConfig) -> Result<Self, StoreError> {
        Ok(Self {
            database: Arc::new(Database::file(DatabaseFile::open(config).await?)),
        })
    }

    /// Returns a store that opens the file at the first call, for a resolver
    /// that may start before the database exists.
    ///
    /// Until the file can be opened, every call fails as [`open`](Self::open)
    /// would. Nothing is ever created.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when the path is not UTF-8.
    pub fn open_lazy(config: SqliteConfig) -> Result<Self, StoreError> {
        Ok(Self {
            database: Arc::new(Database::file(DatabaseFile::open_lazy(config)?)),
        })
    }

    /// Returns a store that uses the pool of the host service.
    ///
    /// The parameter is deliberately the driver's type: the service and the
    /// store share connections and settings, so timeouts, journal mode and
    /// durability are those of the pool. Call [`migrate`](crate::migrate)
    /// first; until then every call fails with `Incompatible`.
    ///
    /// Do not replace the database file while the pool is open. The pool keeps
    /// using the old file, mixes it with the new one when it opens another
    /// connection, and cannot be reopened by the store. Stop the service,
    /// replace the file, start the service.
    #[must_use]
    pub fn with_pool(pool: SqlitePool) -> Self {
        Self {
            database: Arc::new(Database::pool(pool)),
        }
    }

    /// Writes the log into the database file and closes the file. Calls that
    /// are running may finish first, for at most 5 s. Later calls fail with
    /// `Unavailable`, and the change source is disconnected.
    ///
    /// Afterwards the file alone holds every session, unless another process
    /// still uses it. A program that ends without this call, or is killed,
    /// leaves sessions in the file `-wal`: they are not lost, but a copy of the
    /// database file alone lacks them. Dropping the store cannot wait for this.
    ///
    /// The pool of a host service stays open.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Returns the migration that opening the file performed, if any.
    pub async fn migration(&self) -> Option<Migration> {
        self.database.migration().await
    }

    /// Returns the path of the database file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.database.path()
    }

    /// Returns the version of the tables, which is the number of the last of
    /// the [`MIGRATIONS`](crate::MIGRATIONS) that was performed.
    ///
    /// # Errors
    ///
    /// The same as for [`ping`](SessionStore::ping).
    pub async fn schema_version(&self) -> Result<usize, StoreError> {
        let mut connection = self.database.reader().await?;
        Ok(schema::check_readable(connection.driver()).await?)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.database.path())
            .finish_non_exhaustive()
    }
}

const LOOKUP: &str = concat!("SELECT ", columns!(), " FROM dcv_session WHERE id = ?1");

#[async_trait]
impl SessionStore for SqliteStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let mut connection = self.database.reader().await?;
        let row = sqlx::query(LOOKUP)
            .bind(id.as_str())
            .fetch_optional(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        row.as_ref().map(decode).transpose()
    }

    /// Checks the version of the tables, then looks up an id that no session
    /// can have.
    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.database.reader().await?;
        schema::check_readable(connection.driver()).await?;
        sqlx::query(LOOKUP)
            .bind("")
            .fetch_optional(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        Ok(())
    }
}
