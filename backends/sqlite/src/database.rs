//! [`Database`]: where connections come from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use sqlx::sqlite::SqlitePool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::current_database::CurrentDatabase;
use crate::database_file::{DatabaseFile, PathCheck};
use crate::error::{error, store_error};
use crate::lane::{Lane, Turn};
use crate::open_file::Access;
use crate::pooled_connection::PooledConnection;
use crate::schema::Migration;

/// More connections than ever follow changes.
const FOLLOWERS: u32 = 1_000;

/// Far longer than followers need to notice that the store is closed.
const FOLLOWERS_END: Duration = Duration::from_secs(1);

/// The database of a store.
pub(crate) struct Database {
    source: Source,
    listings: Lane,
    writes: Lane,
    /// One permit for each connection that follows changes.
    followers: Arc<Semaphore>,
}

enum Source {
    /// A file that the store opens, and opens again when it is replaced.
    File(DatabaseFile),
    /// The pool of a host service.
    Pool(SqlitePool),
}

impl Database {
    pub(crate) fn file(file: DatabaseFile) -> Self {
        let timeout = file.acquire_timeout();
        Self::new(Source::File(file), timeout)
    }

    pub(crate) fn pool(pool: SqlitePool) -> Self {
        let timeout = pool.options().get_acquire_timeout();
        Self::new(Source::Pool(pool), timeout)
    }

    fn new(source: Source, timeout: Duration) -> Self {
        Self {
            source,
            listings: Lane::new(timeout),
            writes: Lane::new(timeout),
            followers: Arc::new(Semaphore::new(FOLLOWERS as usize)),
        }
    }

    /// Takes a connection for a lookup.
    pub(crate) async fn reader(&self) -> Result<PooledConnection, StoreError> {
        self.connection(Access::Read, PathCheck::WhenDue, None)
            .await
    }

    /// Takes a connection for a call that reads much.
    pub(crate) async fn bulk_reader(&self) -> Result<PooledConnection, StoreError> {
        let turn = self.listings.enter().await?;
        self.connection(Access::Read, PathCheck::WhenDue, Some(turn))
            .await
    }

    /// Takes a connection for a call that writes. It checks the path each time:
    /// a write to a replaced file is lost, which costs more than the check.
    pub(crate) async fn writer(&self) -> Result<PooledConnection, StoreError> {
        let turn = self.writes.enter().await?;
        self.writing(Access::Write, Some(turn)).await
    }

    /// Takes a connection to check whether writing works, without waiting for a
    /// turn: not the writer's.
    pub(crate) async fn write_checker(&self) -> Result<PooledConnection, StoreError> {
        self.writing(Access::Read, None).await
    }

    async fn writing(
        &self,
        access: Access,
        turn: Option<Turn>,
    ) -> Result<PooledConnection, StoreError> {
        match &self.source {
            Source::File(file) if file.is_read_only() => {
                Err(error(StoreErrorKind::NotWritable).with_source("it was opened read-only"))
            }
            _ => {
                let mut connection = self.connection(access, PathCheck::Now, turn).await?;
                connection.ensure_current().await?;
                Ok(connection)
            }
        }
    }

    /// Writes the log of a file back and closes the file. The pool of a host
    /// service stays open.
    pub(crate) async fn close(&self) {
        let Source::File(file) = &self.source else {
            return;
        };
        let open = file.begin_to_close().await;
        // SQLite removes the log with the last connection, if that one may
        // write: followers end before.
        let followers = self.followers.acquire_many(FOLLOWERS);
        let _ended = tokio::time::timeout(FOLLOWERS_END, followers).await;
        if let Some(open) = open {
            open.shut_down().await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match &self.source {
            Source::File(file) => file.is_closed(),
            Source::Pool(pool) => pool.is_closed(),
        }
    }

    /// Registers a follower until the permit is dropped. Fails while the store is
    /// being closed.
    pub(crate) fn follower(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.followers)
            .try_acquire_owned()
            .map_err(|_closing| {
                error(StoreErrorKind::Unavailable).with_source("the store was closed")
            })
    }

    /// Returns which migration opening the file performed.
    pub(crate) async fn migration(&self) -> Option<Migration> {
        match &self.source {
            Source::File(file) => file.open_file(PathCheck::WhenDue).await.ok()?.migration(),
            Source::Pool(_) => None,
        }
    }

    async fn connection(
        &self,
        access: Access,
        check: PathCheck,
        turn: Option<Turn>,
    ) -> Result<PooledConnection, StoreError> {
        let file = match &self.source {
            Source::File(file) => file,
            Source::Pool(pool) => {
                let connection = pool.acquire().await.map_err(store_error)?;
                return Ok(PooledConnection::new(connection, None, turn));
            }
        };
        let mut open = file.open_file(check).await?;
        let connection = loop {
            match open.acquire(access).await {
                // The file was reopened while this call waited.
                Err(sqlx::Error::PoolClosed) => open = file.open_file(PathCheck::Now).await?,
                acquired => break acquired.map_err(|source| open.failed(source))?,
            }
        };
        Ok(PooledConnection::new(connection, Some(open), turn))
    }

    /// Returns the database that calls which begin after this one will read:
    /// the one under the path at some moment after this call began.
    pub(crate) async fn current(&self) -> Result<CurrentDatabase, StoreError> {
        match &self.source {
            Source::File(file) => file.current_file().await.map(CurrentDatabase::File),
            Source::Pool(pool) if pool.is_closed() => Err(store_error(sqlx::Error::PoolClosed)),
            Source::Pool(pool) => Ok(CurrentDatabase::Pool(pool.clone())),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.source {
            Source::File(file) => file.path().to_path_buf(),
            Source::Pool(pool) => pool.connect_options().get_filename().to_path_buf(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::config::SqliteConfig;

    #[tokio::test]
    async fn lookups_find_a_connection_beside_any_number_of_listings_and_writes() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("sessions.db"))
            .create_if_missing(true)
            .max_connections(NonZeroU32::new(3).unwrap())
            .acquire_timeout(Duration::from_secs(10));
        let database = Arc::new(Database::file(DatabaseFile::open(config).await.unwrap()));
        let _listing = database.bulk_reader().await.unwrap();
        let _write = database.writer().await.unwrap();
        let waiting: Vec<_> = (0..50)
            .map(|n| {
                let database = Arc::clone(&database);
                tokio::spawn(async move {
                    if n % 2 == 0 {
                        database.bulk_reader().await.map(drop)
                    } else {
                        database.writer().await.map(drop)
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;

        drop(database.reader().await.unwrap());
        assert!(waiting.iter().all(|call| !call.is_finished()));
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

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
            Database::file(DatabaseFile::open(config).await.unwrap())
        };
        // Closed, so that the file is complete without its log.
        open(&other).await.close().await;
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
