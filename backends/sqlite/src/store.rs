//! [`SqliteStore`]: opening, and looking up.

use std::sync::Arc;

use dcv_resolver_core::{SessionId, SessionRecord, SessionStore, StoreError, async_trait};
use sqlx::sqlite::SqlitePool;

use crate::SqliteConfig;
use crate::database::Database;
use crate::database_file::DatabaseFile;
use crate::row::{columns, record};
use crate::schema;

/// Sessions in an SQLite database.
///
/// See the [crate's page](crate) for what it guarantees.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
}

impl SqliteStore {
    /// Opens the database file that `config` names, and brings its tables up
    /// to date.
    ///
    /// # Errors
    ///
    /// - `Unavailable`: there is no such file, it cannot be opened, or another
    ///   process keeps it locked; retryable.
    /// - `Incompatible`: the file holds none of our tables and `config` does
    ///   not say to create them, or they are newer than this library, or older
    ///   and opened read-only.
    /// - `CorruptStore`: it is no SQLite database, or a damaged one.
    /// - `NotWritable`: it cannot be written, and its tables are missing or
    ///   out of date; `config` may say read-only.
    /// - `InvalidConfig`: the path is not UTF-8.
    pub async fn open(config: SqliteConfig) -> Result<Self, StoreError> {
        Ok(Self {
            database: Arc::new(Database::File(DatabaseFile::open(config).await?)),
        })
    }

    /// As [`open`](Self::open), but at the first call: for a resolver that may
    /// start before the database is there. Until then every call fails as
    /// `open` would. It never creates anything.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, when the path is not UTF-8.
    pub fn open_later(config: SqliteConfig) -> Result<Self, StoreError> {
        Ok(Self {
            database: Arc::new(Database::File(DatabaseFile::open_later(config)?)),
        })
    }

    /// A store over the host service's own pool.
    ///
    /// It takes the driver's type on purpose, so that both share connections
    /// and settings: timeouts, journal mode and durability are what the pool
    /// says. Bring the tables up to date with [`migrate`](crate::migrate)
    /// first; until then every call is `Incompatible`.
    ///
    /// Do not replace the database file under a pool: it goes on with the old
    /// file, mixes the two when it opens a connection later, and is not ours
    /// to renew. Stop the service, replace the file, start the service.
    #[must_use]
    pub fn with_pool(pool: SqlitePool) -> Self {
        Self {
            database: Arc::new(Database::Pool(pool)),
        }
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
        row.as_ref().map(record).transpose()
    }

    /// Checks the version of the tables, then looks up an id that no session
    /// has.
    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.database.reader().await?;
        schema::check(connection.driver()).await?;
        sqlx::query(LOOKUP)
            .bind("")
            .fetch_optional(connection.driver())
            .await
            .map_err(|error| connection.failed(error))?;
        Ok(())
    }
}
