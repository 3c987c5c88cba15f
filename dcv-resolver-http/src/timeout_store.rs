//! [`TimeoutStore`]: a store that is not waited for for ever.

use std::num::NonZeroUsize;
use std::time::Duration;

use dcv_resolver_core::{
    Expiry, LeaseToken, Page, PageToken, SessionId, SessionListing, SessionRecord, SessionRegistry,
    SessionStore, StoreError, StoreErrorKind, Timestamp, async_trait,
};

/// A store that fails with
/// [`TimedOut`](dcv_resolver_core::StoreErrorKind::TimedOut) when the one
/// within takes longer than its time.
///
/// For a chain of stores, where each has a time budget of its own: the log then
/// names the store that was too slow and its limit, and not only the time that
/// a request may take as a whole. Within the limit it answers as the store
/// within does.
///
/// Lookups and pings are limited. Where the store is listed or registered in,
/// so is this, for as long as the store takes: whether a write that is given up
/// was carried out nobody knows, so nobody but the caller should give it up.
///
/// Like [`ResolveServiceBuilder::time_budget`](crate::ResolveServiceBuilder::time_budget), it
/// cannot give up on a store that blocks its thread, and it needs a tokio
/// runtime with its timer enabled.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::TimeoutStore;
///
/// # let inventory = MemoryStore::new();
/// let inventory = TimeoutStore::new(inventory, Duration::from_millis(300));
/// let resolver = Resolver::new(MemoryStore::new()).then("inventory", inventory);
/// ```
#[derive(Debug, Clone)]
pub struct TimeoutStore<S> {
    store: S,
    limit: Duration,
}

impl<S: SessionStore> TimeoutStore<S> {
    /// Gives `store` this long for each lookup and each ping.
    #[must_use]
    pub fn new(store: S, limit: Duration) -> Self {
        Self { store, limit }
    }

    async fn within<T>(
        &self,
        asking: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(self.limit, asking)
            .await
            .unwrap_or_else(|_elapsed| {
                let told = format!("given up after {:?}", self.limit);
                Err(StoreError::new("time limit", StoreErrorKind::TimedOut).with_source(told))
            })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for TimeoutStore<S> {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.within(self.store.lookup(id)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.within(self.store.ping()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionListing> SessionListing for TimeoutStore<S> {
    async fn list(
        &self,
        page: Option<&PageToken>,
        limit: NonZeroUsize,
    ) -> Result<Page, StoreError> {
        self.store.list(page, limit).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionRegistry> SessionRegistry for TimeoutStore<S> {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        self.store.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.sweep(now).await
    }
}
