//! [`StoreTimeLimit`]: a store that is not waited for for ever.

use std::time::Duration;

use dcv_resolver_core::{
    SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, async_trait,
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
/// Like [`RouterBuilder::time_budget`](crate::RouterBuilder::time_budget), it
/// cannot give up on a store that blocks its thread, and it needs a tokio
/// runtime with its timer enabled.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::StoreTimeLimit;
///
/// # let inventory = MemoryStore::new();
/// let inventory = StoreTimeLimit::new(inventory, Duration::from_millis(300));
/// let resolver = Resolver::new(MemoryStore::new()).then("inventory", inventory);
/// ```
#[derive(Debug, Clone)]
pub struct StoreTimeLimit<S> {
    store: S,
    limit: Duration,
}

impl<S: SessionStore> StoreTimeLimit<S> {
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
impl<S: SessionStore> SessionStore for StoreTimeLimit<S> {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.within(self.store.lookup(id)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.within(self.store.ping()).await
    }
}
