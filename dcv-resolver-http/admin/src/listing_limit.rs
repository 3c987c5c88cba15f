//! [`ListingLimit`]: how many listings run at once.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::admin_error::AdminError;
use crate::deadline::Deadline;

/// A page takes a store as long as hundreds of lookups do. With so few
/// listings, the connections of its pool are free for the lookups of gateways.
const MAX_CONCURRENT: usize = 2;
const MAX_WAIT: Duration = Duration::from_secs(1);

/// Limits how many listings run at once.
#[derive(Debug)]
pub(crate) struct ListingLimit(Semaphore);

impl ListingLimit {
    pub(crate) const fn new() -> Self {
        Self(Semaphore::const_new(MAX_CONCURRENT))
    }

    /// Waits for a moment until a listing may run: for as long as the permit is
    /// kept.
    pub(crate) async fn permit(
        &self,
        deadline: Deadline,
    ) -> Result<SemaphorePermit<'_>, AdminError> {
        let wait = MAX_WAIT.min(deadline.time_left());
        match timeout(wait, self.0.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(AdminError::TooManyListings),
        }
    }
}
