//! [`CachedStore`]: answers from memory, or asks the store once for all lookups.

use std::fmt;
use std::sync::Arc;

use dcv_resolver_core::{
    CacheStats, ChangeListener, SessionId, SessionRecord, SessionStore, StoreError, async_trait,
};
use tokio::runtime::Handle;

use crate::cache::Cache;
use crate::config::CacheConfig;
use crate::entries::Entry;
use crate::in_flight::{InFlight, Joined};
use crate::listener::CacheListener;
use crate::load::Load;
use crate::monitor::CacheMonitor;

/// A [`SessionStore`] that caches the results of another, `S`.
///
/// See the [crate's documentation](crate) for what it guarantees. It implements
/// [`SessionListing`](dcv_resolver_core::SessionListing),
/// [`SessionRegistry`](dcv_resolver_core::SessionRegistry) and
/// [`SessionImport`](dcv_resolver_core::SessionImport) where `S` does: calls go
/// to `S`, and invalidate what they change.
pub struct CachedStore<S> {
    pub(crate) store: Arc<S>,
    pub(crate) cache: Arc<Cache>,
    listener: Arc<CacheListener>,
}

impl<S: SessionStore> CachedStore<S> {
    /// Creates a store that caches the results of `store`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a configuration is used once"
    )]
    pub fn new(store: S, config: CacheConfig) -> Self {
        let cache = Arc::new(Cache::new(&config));
        Self {
            store: Arc::new(store),
            listener: Arc::new(CacheListener::new(Arc::clone(&cache))),
            cache,
        }
    }

    /// Returns the listener to give to a change source. The source is the store
    /// itself if it is a [`ChangeSource`](dcv_resolver_core::ChangeSource), or
    /// a service that makes the changes.
    ///
    /// While the source reports only single changes, TTLs apply. After its first
    /// `CaughtUp` or `Disconnected`, [`CacheConfig::max_staleness`] applies
    /// instead, and after `Unsupported` TTLs apply again.
    #[must_use]
    pub fn listener(&self) -> Arc<dyn ChangeListener> {
        Arc::<CacheListener>::clone(&self.listener)
    }

    /// Returns the current statistics.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.monitor().stats()
    }

    /// Returns a handle that reads the statistics even after a resolver has
    /// taken the store.
    #[must_use]
    pub fn monitor(&self) -> CacheMonitor {
        CacheMonitor(Arc::clone(&self.cache))
    }

    /// Returns the store behind the cache.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Returns a stale record without waiting for a store that is known to be
    /// down, and ensures that one call at a time finds out when the store is
    /// back.
    fn stale_at_once(&self, id: &SessionId, now_ns: u64) -> Option<SessionRecord> {
        let error = self.cache.known_outage()?;
        // Without a tokio runtime, nothing can make that call.
        let runtime = Handle::try_current().ok()?;
        let record = self.cache.stale(id, &error)?;
        self.cache.outage.probe(now_ns, || {
            let (store, cache) = (Arc::clone(&self.store), Arc::clone(&self.cache));
            let id = id.clone();
            let probe = runtime.spawn(async move {
                // The result goes to the cache.
                let _ = load(&store, &cache, &id, now_ns).await;
            });
            probe.abort_handle()
        });
        Some(record)
    }
}

/// Ends the probe: while it waits for the store, it keeps the store and the cache.
impl<S> Drop for CachedStore<S> {
    fn drop(&mut self) {
        self.cache.outage.abort_probe();
    }
}

/// Waits for a load of `id`: one that another lookup has begun, unless it may
/// hang, or a new one.
async fn load<S: SessionStore>(
    store: &Arc<S>,
    cache: &Cache,
    id: &SessionId,
    now_ns: u64,
) -> Result<Entry, StoreError> {
    let not_before_ns = now_ns.saturating_sub(JOINABLE_FOR_NS);
    let (load, joined) = cache.in_flight.join(id, not_before_ns, || {
        let (store, asked) = (Arc::clone(store), id.clone());
        let call = Box::pin(async move { store.lookup(&asked).await });
        Load::new(id.clone(), cache.freshness.now_ns(), call)
    });
    match joined {
        Joined::Began => cache.loads.add_one(),
        Joined::Coalesced => cache.coalesced.add_one(),
    }
    let waiter = Waiter {
        in_flight: &cache.in_flight,
        load,
    };
    let complete = |result| cache.complete(&waiter.load, result);
    waiter.load.outcome(complete).await
}

/// A load that has been under way for longer is not joined: it may hang while a
/// new one would not.
const JOINABLE_FOR_NS: u64 = 1_000_000_000;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for CachedStore<S> {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let mut asked_ns = None;
        loop {
            let now_ns = match self.cache.get(id) {
                Ok(found) => return Ok(found),
                Err(now_ns) => now_ns,
            };
            let asked_ns = *asked_ns.get_or_insert(now_ns);
            if let Some(record) = self.stale_at_once(id, now_ns) {
                return Ok(Some(record));
            }
            let entry = match load(&self.store, &self.cache, id, now_ns).await {
                Ok(entry) => entry,
                Err(error) => return self.cache.stale(id, &error).map(Some).ok_or(error),
            };
            if self.cache.freshness.is_recent_enough(&entry, asked_ns) {
                return Ok(entry.found);
            }
            // Another lookup had begun the load too long ago for this one. Any
            // load that follows began later, so this happens once.
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

/// A lookup that waits for a load, until it is dropped.
struct Waiter<'a> {
    in_flight: &'a InFlight,
    load: Arc<Load>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.in_flight.leave(&self.load);
    }
}

impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
