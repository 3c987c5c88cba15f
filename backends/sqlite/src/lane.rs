//! [`Lane`]: calls of one kind that run one after the other.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::error;

/// Lets one call of a kind at a time use a connection. Otherwise, many listings
/// or writes would take all connections, and lookups would find none free.
/// SQLite executes writes one after the other in any case.
#[derive(Debug)]
pub(crate) struct Lane {
    turn: Arc<Semaphore>,
    timeout: Duration,
}

/// The turn of one call, which ends when this is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Lane {
    /// Returns a lane in which a call waits at most for `timeout`.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            timeout,
        }
    }

    /// Waits for the turn of this call, in the order of the calls.
    pub(crate) async fn enter(&self) -> Result<Turn, StoreError> {
        let turn = Arc::clone(&self.turn).acquire_owned();
        match tokio::time::timeout(self.timeout, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(error(StoreErrorKind::TimedOut)
                .with_source("too many calls of this kind wait for the database")),
        }
    }
}
