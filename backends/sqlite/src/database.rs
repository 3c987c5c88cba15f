//! [`Database`]: where connections come from.

use std::path::PathBuf;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::SqlitePool;

use crate::connection::Connection;
use crate::database_file::{DatabaseFile, Look};
use crate::error::{error, store_error};
use crate::source::Source;

#[derive(Debug)]
pub(crate) enum Database {
    /// A file that we open, and open again when it is replaced.
    File(DatabaseFile),
    /// The host service's own pool.
    Pool(SqlitePool),
}

impl Database {
    pub(crate) async fn reader(&self) -> Result<Connection, StoreError> {
        self.connection(Look::NowAndThen).await
    }

    /// Looks at the file each time: what is written to a file that has been
    /// replaced is lost, which costs more than the look.
    pub(crate) async fn writer(&self) -> Result<Connection, StoreError> {
        match self {
            Self::File(file) if file.is_read_only() => {
                Err(error(StoreErrorKind::NotWritable).with_source("it was opened read-only"))
            }
            _ => self.connection(Look::Now).await,
        }
    }

    async fn connection(&self, look: Look) -> Result<Connection, StoreError> {
        let file = match self {
            Self::File(file) => file,
            Self::Pool(pool) => {
                let pooled = pool.acquire().await.map_err(store_error)?;
                return Ok(Connection::new(pooled, None));
            }
        };
        let mut open = file.open_file(look).await?;
        let pooled = loop {
            match open.acquire().await {
                // It was opened anew while we waited for a connection.
                Err(sqlx::Error::PoolClosed) => open = file.open_file(Look::Now).await?,
                acquired => break acquired.map_err(|source| open.failed(source))?,
            }
        };
        Ok(Connection::new(pooled, Some(open)))
    }

    /// Where calls that begin after this one find their connections: at what
    /// lies under the path at a moment after it began.
    pub(crate) async fn source(&self) -> Result<Source, StoreError> {
        match self {
            Self::File(file) => file.in_place().await.map(Source::File),
            Self::Pool(pool) if pool.is_closed() => Err(store_error(sqlx::Error::PoolClosed)),
            Self::Pool(pool) => Ok(Source::Pool(pool.clone())),
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
    use crate::SqliteConfig;

    #[tokio::test]
    async fn a_call_that_waits_while_the_file_is_replaced_gets_the_new_one() {
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
