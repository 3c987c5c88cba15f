//! [`PostgresStore`]: looks sessions up.

use std::fmt;

use dcv_resolver_core::{SessionId, SessionRecord, SessionStore, StoreError, async_trait};
use sqlx::PgPool;

use crate::error::store_error;
use crate::row::{Row, decode};

/// Sessions in a table of a PostgreSQL database.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: PgPool,
}

impl PostgresStore {
    /// Creates a store that uses the pool of the service. The service decides
    /// the settings of the pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Creates the table, unless it exists.
    ///
    /// # Errors
    ///
    /// [`StoreError`], when the database cannot be reached or denies access.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let schema = sqlx::raw_sql(include_str!("../schema.sql"));
        schema.execute(&self.pool).await.map_err(store_error)?;
        Ok(())
    }
}

/// Shows neither sessions nor a password: it is printed in logs.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for PostgresStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT id, record, expires_at_ms FROM dcv_session WHERE id = $1")
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(store_error)?;
        row.as_ref().map(decode).transpose()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT id, record, expires_at_ms FROM dcv_session LIMIT 0")
            .execute(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(())
    }
}
