//! [`TimeoutStore`]: a store with a time limit.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    BoxFuture, ChangeListener, ChangeSource, Expiry, ImportOutcome, LeaseToken, ListError,
    OnConflict, Page, PageToken, RegisterError, RenewError, SessionId, SessionImport,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, StoreErrorKind,
    Timestamp, async_trait,
};

/// A store with a time limit for each lookup, ping and
/// [`check_writable`](SessionRegistry::check_writable).
///
/// At the limit the call fails with
/// [`TimedOut`](dcv_resolver_core::StoreErrorKind::TimedOut), and the future of
/// the inner store is dropped. Otherwise the wrapper returns the inner store's
/// result.
///
/// The wrapper also implements the other traits of the inner store, without a
/// limit: after an abandoned write it is unknown whether the write was carried
/// out, so only the caller may abandon one.
///
/// The wrapper needs a tokio runtime with its timer enabled, and cannot
/// interrupt a store that blocks its thread.
#[derive(Debug, Clone)]
pub struct TimeoutStore<S> {
    store: S,
    limit: Duration,
}

impl<S: SessionStore> TimeoutStore<S> {
    /// Creates a store that limits each lookup, ping and `check_writable` of
    /// `store` to `limit`.
    #[must_use]
    pub fn new(store: S, limit: Duration) -> Self {
        Self { store, limit }
    }

    async fn within_limit<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        tokio::time::timeout(self.limit, call)
            .await
            .unwrap_or_else(|_elapsed| {
                let reason = format!("gave up after {:?}", self.limit);
                Err(StoreError::new("timeout", StoreErrorKind::TimedOut).with_source(reason))
            })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for TimeoutStore<S> {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.within_limit(self.store.lookup(id)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.within_limit(self.store.ping()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionListing> SessionListing for TimeoutStore<S> {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.store.list(page, limit).await
    }

    fn generated_by(&self, id: &SessionId) -> Option<String> {
        self.store.generated_by(id)
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
    ) -> Result<(), RegisterError> {
        self.store.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        self.store.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        self.store.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.sweep(now).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.within_limit(self.store.check_writable()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionImport> SessionImport for TimeoutStore<S> {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        self.store.import(records, token, on_conflict, now).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: ChangeSource> ChangeSource for TimeoutStore<S> {
    fn watch_changes(&self, listener: Arc<dyn ChangeListener>) -> BoxFuture<'static, ()> {
        self.store.watch_changes(listener)
    }
}
