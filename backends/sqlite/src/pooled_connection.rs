//! [`PooledConnection`]: a connection while a call uses it.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::lane::Turn;
use crate::open_file::OpenFile;

/// A connection that returns to its pool when it is dropped. sqlx rolls back an
/// unfinished transaction on the way.
pub(crate) struct PooledConnection {
    connection: PoolConnection<Sqlite>,
    /// `None` for the pool of a host service.
    file: Option<Arc<OpenFile>>,
    _turn: Option<Turn>,
}

impl PooledConnection {
    pub(crate) fn new(
        connection: PoolConnection<Sqlite>,
        file: Option<Arc<OpenFile>>,
        turn: Option<Turn>,
    ) -> Self {
        Self {
            connection,
            file,
            _turn: turn,
        }
    }

    /// Fails unless the tables have the version that writing needs. The pool of
    /// a host service is not checked: there, a missing column is an error.
    pub(crate) async fn ensure_current(&mut self) -> Result<(), StoreError> {
        match &self.file {
            Some(file) => file.ensure_current(&mut self.connection).await,
            None => Ok(()),
        }
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
