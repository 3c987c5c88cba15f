//! [`Source`]: what lookups read, for a connection beside theirs.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::error::store_error;
use crate::open_file::OpenFile;

#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Until it is opened anew, or another takes its place.
    File(Arc<OpenFile>),
    /// For good: a host service does not replace the file under its pool.
    Pool(SqlitePool),
}

impl Source {
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => Arc::ptr_eq(one, other),
            (Self::Pool(_), Self::Pool(_)) => true,
            _ => false,
        }
    }

    /// Opens a connection that is in no pool: it may be kept, and takes none
    /// away from lookups, even where the pool has but one.
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
