//! Listing and registering through a [`CachedStore`]: calls go to the store, and
//! invalidate what they change.

use std::num::NonZeroUsize;

use dcv_resolver_core::{
    Expiry, ImportOutcome, LeaseToken, ListError, OnConflict, Page, PageToken, RegisterError,
    RenewError, SessionId, SessionImport, SessionListing, SessionRecord, SessionRegistry,
    StoreError, Timestamp, async_trait,
};

use crate::cache::Cache;
use crate::store::CachedStore;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionListing> SessionListing for CachedStore<S> {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.store.list(page, limit).await
    }

    fn generated_by(&self, id: &SessionId) -> Option<String> {
        self.store.generated_by(id)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionRegistry> SessionRegistry for CachedStore<S> {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let _invalidate = InvalidateOnDrop(&self.cache, record.id());
        self.store.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let _invalidate = InvalidateOnDrop(&self.cache, id);
        self.store.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let _invalidate = InvalidateOnDrop(&self.cache, id);
        self.store.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        // A sweep does not return the ids that it removes, but all of them had
        // expired by `now`.
        self.cache.freshness.sweep(now);
        self.store.sweep(now).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.store.check_writable().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionImport> SessionImport for CachedStore<S> {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let _invalidate: Vec<_> = records
            .iter()
            .map(|record| InvalidateOnDrop(&self.cache, record.id()))
            .collect();
        self.store.import(records, token, on_conflict, now).await
    }
}

/// Invalidates an id when a write ends, whether it succeeded, failed, or was
/// dropped: a dropped write may still have been carried out.
struct InvalidateOnDrop<'a>(&'a Cache, &'a SessionId);

impl Drop for InvalidateOnDrop<'_> {
    fn drop(&mut self) {
        self.0.invalidate(self.1);
    }
}
