//! [`ping`]: pings one store with a time limit.

use std::fmt;
use std::time::Duration;

use dcv_resolver_core::{SessionStore, StoreError};
use dcv_resolver_http::{Interrupted, call_with_deadline};
use tokio::time::Instant;

/// How long a ping may take.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a ping failed.
///
/// Displays without any host or path: `/readyz` shows it to every client.
#[derive(Debug)]
pub(crate) enum PingError {
    Store(StoreError),
    Interrupted(Interrupted),
}

/// Pings the store, for [`PING_TIMEOUT`] at most.
pub(crate) async fn ping(store: &dyn SessionStore) -> Result<(), PingError> {
    // The store is called inside of the future, so that a panic before the
    // first await is caught, too.
    within(PING_TIMEOUT, async { store.ping().await }).await
}

/// Awaits the call of a store, for `limit` at most.
pub(crate) async fn within(
    limit: Duration,
    call: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), PingError> {
    match call_with_deadline(Instant::now(), limit, call).await {
        Ok(result) => result.map_err(PingError::Store),
        Err(interrupted) => Err(PingError::Interrupted(interrupted)),
    }
}

impl PingError {
    /// Returns the error with all sources, for the log.
    pub(crate) fn in_full(&self) -> String {
        match self {
            Self::Store(error) => error.chain().to_string(),
            Self::Interrupted(Interrupted::Panicked(message)) => {
                format!("the store panicked: {message}")
            }
            Self::Interrupted(Interrupted::TimedOut) => self.to_string(),
        }
    }
}

impl fmt::Display for PingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Interrupted(Interrupted::TimedOut) => {
                f.write_str("the store did not answer in time")
            }
            Self::Interrupted(Interrupted::Panicked(_)) => {
                f.write_str("the store panicked; see the log")
            }
        }
    }
}
