//! Listing and registering through a [`CachedStore`]: calls go to the store,
//! and whoever registers finds what it has registered.

use std::num::NonZeroUsize;

use dcv_resolver_core::{
    Expiry, ImportOutcome, LeaseToken, ListError, OnConflict, Page, PageToken, RegisterError,
    RenewError, SessionId, SessionImport, SessionListing, SessionRecord, SessionRegistry,
    StoreError, Timestamp, async_trait,
};

use crate::CachedStore;
use crate::shared::Shared;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionListing> SessionListing for CachedStore<S> {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.store.list(page, limit).await
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
        let _forget = Forget(&self.shared, record.id());
        self.store.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let _forget = Forget(&self.shared, id);
        self.store.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let _forget = Forget(&self.shared, id);
        self.store.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        // Which records it removes is not told. All had expired by `now`.
        self.shared.freshness.sweep(now);
        self.store.sweep(now).await
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
        let _forget: Vec<_> = records
            .iter()
            .map(|record| Forget(&self.shared, record.id()))
            .collect();
        self.store.import(records, token, on_conflict, now).await
    }
}

/// Forgets what is kept of an id when the write is over, whether it succeeded,
/// failed, or was given up: then it may have been carried out all the same.
struct Forget<'a>(&'a Shared, &'a SessionId);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.changed(self.1);
    }
}
