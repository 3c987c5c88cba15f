//! [`Connection`]: one connection, while a call uses it.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::open_file::OpenFile;

/// A connection, which goes back to its pool when it is dropped. sqlx rolls an
/// unfinished transaction back on the way.
#[derive(Debug)]
pub(crate) struct Connection {
    pooled: PoolConnection<Sqlite>,
    /// `None` for a host service's pool.
    file: Option<Arc<OpenFile>>,
}

impl Connection {
    pub(crate) fn new(pooled: PoolConnection<Sqlite>, file: Option<Arc<OpenFile>>) -> Self {
        Self { pooled, file }
    }

    pub(crate) fn driver(&mut self) -> &mut SqliteConnection {
        &mut self.pooled
    }

    /// Converts an error, and has the file opened anew where it calls for it.
    pub(crate) fn failed(&self, source: sqlx::Error) -> StoreError {
        match &self.file {
            Some(file) => file.failed(source),
            None => store_error(source),
        }
    }
}
