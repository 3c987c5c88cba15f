//! [`PooledConnection`]: a connection while a call uses it.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::open_file::OpenFile;

/// A connection that returns to its pool when it is dropped. sqlx rolls back an
/// unfinished transaction on the way.
pub(crate) struct PooledConnection {
    connection: PoolConnection<Sqlite>,
    /// `None` for the pool of a host service.
    file: Option<Arc<OpenFile>>,
}

impl PooledConnection {
    pub(crate) fn new(connection: PoolConnection<Sqlite>, file: Option<Arc<OpenFile>>) -> Self {
        Self { connection, file }
    }

    pub(crate) fn driver(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Converts an error, and requests a reopening where it may help.
    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        match &self.file {
            Some(file) => file.failed(source),
            None => store_error(source),
        }
    }
}
