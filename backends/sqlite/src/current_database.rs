//! [`CurrentDatabase`]: the database that lookups read now.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::error::store_error;
use crate::open_file::OpenFile;

#[derive(Clone)]
pub(crate) enum CurrentDatabase {
    /// Valid until the file is opened again or replaced.
    File(Arc<OpenFile>),
    /// Always valid: a host service does not replace the file under its pool.
    Pool(SqlitePool),
}

impl CurrentDatabase {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => Arc::ptr_eq(one, other),
            (Self::Pool(_), Self::Pool(_)) => true,
            _ => false,
        }
    }

    /// Opens a connection outside the pool: it can be kept, and takes none away
    /// from lookups, even if the pool has only one.
    pub(crate) async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        match self {
            Self::File(file) => file.connect().await,
            Self::Pool(pool) => {
                let options = pool.connect_options().as_ref().clone();
                options
                    .create_if_missing(false)
                    .disable_statement_logging()
                    .connect()
                    .await
                    .map_err(store_error)
            }
        }
    }
}
