use std::fmt;

use async_trait::async_trait;

use crate::{SessionId, SessionRecord, SessionStore, StoreError};

/// A store that awaits your future before each call.
///
/// This crate has no timer, so pass one: a runtime's `sleep`, preferably with a
/// paused clock, or a channel that the test holds.
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_core::{MemoryStore, SessionStore, testing::DelayedStore};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = DelayedStore::new(MemoryStore::new(), || tokio::time::sleep(Duration::from_secs(5)));
/// let started = tokio::time::Instant::now();
/// assert_eq!(store.lookup(&"console".parse()?).await?, None);
/// assert_eq!(started.elapsed(), Duration::from_secs(5));
/// # Ok(())
/// # }
/// ```
pub struct DelayedStore<S, D> {
    inner: S,
    delay: D,
}

impl<S, D> DelayedStore<S, D> {
    /// Wraps `inner`: awaits what `delay` returns before each call.
    #[must_use]
    pub fn new(inner: S, delay: D) -> Self {
        Self { inner, delay }
    }
}

impl<S: fmt::Debug, D> fmt::Debug for DelayedStore<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedStore")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S, D, F> SessionStore for DelayedStore<S, D>
where
    S: SessionStore,
    D: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send,
{
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        (self.delay)().await;
        self.inner.lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        (self.delay)().await;
        self.inner.ping().await
    }
}
