//! [`CacheMonitor`]: reads the statistics of a cache.

use std::fmt;
use std::sync::Arc;

use dcv_resolver_core::CacheStats;

use crate::cache::Cache;

/// A handle that reads the statistics of a [`CachedStore`](crate::CachedStore),
/// for metrics, even after a resolver has taken the store.
///
/// Clones read the same cache. Reading does not disturb lookups.
#[derive(Clone)]
pub struct CacheMonitor(pub(crate) Arc<Cache>);

impl CacheMonitor {
    /// Returns the current statistics. Each lookup that has ended counts as a
    /// hit, a load or coalesced. A lookup that was answered while the store was
    /// known to be down counts only as stale. A lookup that had to wait for a
    /// second load counts twice.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let cache = &*self.0;
        let mut stats = CacheStats::default();
        stats.hits = cache.hits.total();
        stats.loads = cache.loads.total();
        stats.coalesced = cache.coalesced.total();
        stats.stale = cache.stale.total();
        stats.stale_age = cache.stale.age();
        stats.entries = u64::try_from(cache.entries.count()).unwrap_or(u64::MAX);
        stats.size_bytes = cache.entries.bytes();
        stats.confirmed_age = cache.freshness.caught_up_age();
        stats
    }
}

impl fmt::Debug for CacheMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CacheMonitor").field(&self.stats()).finish()
    }
}
