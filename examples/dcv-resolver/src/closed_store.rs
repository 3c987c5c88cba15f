//! [`ClosedStore`]: takes the place of a store that could not be opened.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::{
    Expiry, ImportOutcome, LeaseToken, ListError, OnConflict, Page, PageToken, RegisterError,
    RenewError, SessionId, SessionImport, SessionListing, SessionRecord, SessionRegistry,
    SessionStore, StoreError, Timestamp, async_trait,
};

/// A store whose every call fails, because the real one could not be opened: an
/// outage of it, not an end of the others.
#[derive(Debug)]
pub(crate) struct ClosedStore {
    error: Mutex<StoreError>,
}

impl ClosedStore {
    pub(crate) fn new(error: StoreError) -> Self {
        Self {
            error: Mutex::new(error),
        }
    }

    /// Sets why it could not be opened when it was tried again.
    pub(crate) fn set_error(&self, error: StoreError) {
        *self.lock() = error;
    }

    fn error(&self) -> StoreError {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, StoreError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for ClosedStore {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Err(self.error())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(self.error())
    }
}

#[async_trait]
impl SessionListing for ClosedStore {
    async fn list(&self, _: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, ListError> {
        Err(self.error().into())
    }
}

#[async_trait]
impl SessionRegistry for ClosedStore {
    async fn register(
        &self,
        _: &SessionRecord,
        _: &LeaseToken,
        _: Timestamp,
    ) -> Result<(), RegisterError> {
        Err(self.error().into())
    }

    async fn renew(
        &self,
        _: &SessionId,
        _: &LeaseToken,
        _: Expiry,
        _: Timestamp,
    ) -> Result<(), RenewError> {
        Err(self.error().into())
    }

    async fn deregister(&self, _: &SessionId, _: &LeaseToken) -> Result<bool, StoreError> {
        Err(self.error())
    }

    async fn sweep(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err(self.error())
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Err(self.error())
    }
}

#[async_trait]
impl SessionImport for ClosedStore {
    async fn import(
        &self,
        _: &[SessionRecord],
        _: &LeaseToken,
        _: OnConflict,
        _: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        Err(self.error())
    }
}
