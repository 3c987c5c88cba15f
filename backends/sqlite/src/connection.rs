//! [`Connection`]: one connection, while a call uses it.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{Sqlite, SqliteConnection};

use crate::database_file::OpenFile;
use crate::error::{puts_file_in_doubt, store_error};

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
        if let Some(file) = &self.file
            && puts_file_in_doubt(&source)
        {
            file.put_in_doubt();
        }
        store_error(source)
    }
}
