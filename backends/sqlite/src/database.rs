//! [`Database`]: where connections come from.

use std::path::PathBuf;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::SqlitePool;

use crate::current_database::CurrentDatabase;
use crate::database_file::{DatabaseFile, PathCheck};
use crate::error::{error, store_error};
use crate::pooled_connection::PooledConnection;

pub(crate) enum Database {
    /// A file that the store opens, and opens again when it is replaced.
    File(DatabaseFile),
    /// The pool of a host service.
    Pool(SqlitePool),
}

impl Database {
    /// Takes a connection for a call that only reads.
    pub(crate) async fn reader(&self) -> Result<PooledConnection, StoreError> {
        self.connection(PathCheck::WhenDue).await
    }

    /// Takes a connection for a call that writes. It checks the path each time:
    /// a write to a replaced file is lost, which costs more than the check.
    pub(crate) async fn writer(&self) -> Result<PooledConnection, StoreError> {
        match self {
            Self::File(file) if file.is_read_only() => {
                Err(error(StoreErrorKind::NotWritable).with_source("it was opened read-only"))
            }
            _ => self.connection(PathCheck::Now).await,
        }
    }

    async fn connection(&self, check: PathCheck) -> Result<PooledConnection, StoreError> {
        let file = match self {
            Self::File(file) => file,
            Self::Pool(pool) => {
                let connection = pool.acquire().await.map_err(store_error)?;
                return Ok(PooledConnection::new(connection, None));
            }
        };
        let mut open = file.open_file(check).await?;
        let connection = loop {
            match open.acquire().await {
                // The file was reopened while this call waited.
                Err(sqlx::Error::PoolClosed) => open = file.open_file(PathCheck::Now).await?,
                acquired => break acquired.map_err(|source| open.failed(source))?,
            }
        };
        Ok(PooledConnection::new(connection, Some(open)))
    }

    /// Returns the database that calls which begin after this one will read:
    /// the one under the path at some moment after this call began.
    pub(crate) async fn current(&self) -> Result<CurrentDatabase, StoreError> {
        match self {
            Self::File(file) => file.current_file().await.map(CurrentDatabase::File),
            Self::Pool(pool) if pool.is_closed() => Err(store_error(sqlx::Error::PoolClosed)),
            Self::Pool(pool) => Ok(CurrentDatabase::Pool(pool.clone())),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::File(file) => file.path().to_path_buf(),
            Self::Pool(pool) => pool.connect_options().get_filename().to_path_buf(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::SqliteConfig;

    #[tokio::test]
    async fn call_that_waits_while_the_file_is_replaced_gets_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (live, other) = (
            folder.path().join("live.db"),
            folder.path().join("other.db"),
        );
        let open = async |path| {
            let config = SqliteConfig::new(path)
                .create_if_missing(true)
                .max_connections(NonZeroU32::MIN)
                .acquire_timeout(Duration::from_secs(10));
            Database::File(DatabaseFile::open(config).await.unwrap())
        };
        drop(open(&other).await);
        let database = Arc::new(open(&live).await);

        let held = database.reader().await.unwrap();
        let waiting = tokio::spawn({
            let database = Arc::clone(&database);
            async move { database.reader().await.map(drop) }
        });
        tokio::task::yield_now().await;
        std::fs::rename(&other, &live).unwrap();
        drop(database.writer().await.unwrap());

        waiting.await.unwrap().unwrap();
        drop(held);
    }
}
