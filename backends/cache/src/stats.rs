//! [`CacheStats`]: what a cache has done and holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;

/// Statistics of one [`CachedStore`](crate::CachedStore), for metrics.
///
/// Cloning is cheap. All clones read the current values, and reading them does
/// not disturb lookups.
///
/// Every lookup that ends counts as a hit, a load or coalesced. One that had to
/// wait for a second load counts twice.
#[derive(Clone)]
pub struct CacheStats(pub(crate) Arc<Cache>);

impl CacheStats {
    /// Returns how many lookups were answered without the store.
    #[must_use]
    pub fn hits_total(&self) -> u64 {
        self.0.hits.total()
    }

    /// Returns how many lookups called the store.
    #[must_use]
    pub fn loads_total(&self) -> u64 {
        self.0.loads.total()
    }

    /// Returns how many lookups waited for a call that another lookup had
    /// begun.
    #[must_use]
    pub fn coalesced_total(&self) -> u64 {
        self.0.coalesced.total()
    }

    /// Returns how many lookups were answered with a stale record because the
    /// store failed.
    #[must_use]
    pub fn stale_total(&self) -> u64 {
        self.0.stale.total()
    }

    /// Returns the age of the record that was last served stale, or `None` if
    /// the store has answered since.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.0.stale.age()
    }

    /// Returns how long ago the change source was last caught up: cached
    /// results may be that old. `None` if there is no source, it is
    /// disconnected, or it does not report changes.
    #[must_use]
    pub fn confirmed_age(&self) -> Option<Duration> {
        self.0.freshness.caught_up_age()
    }

    /// Returns the number of entries, including those that are no longer served
    /// and have not been replaced yet.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.entries.count()
    }

    /// Returns the estimated size of the entries in bytes, which
    /// [`CacheConfig::max_bytes`](crate::CacheConfig::max_bytes) limits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.entries.bytes()
    }
}

impl fmt::Debug for CacheStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheStats")
            .field("hits_total", &self.hits_total())
            .field("loads_total", &self.loads_total())
            .field("coalesced_total", &self.coalesced_total())
            .field("stale_total", &self.stale_total())
            .field("entries", &self.entries())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
