//! [`CacheStats`]: the statistics of a cache in front of a store.

use std::time::Duration;

/// The statistics of a cache in front of a store, for metrics.
///
/// Any cache can fill this in and any metrics can read it, without a dependency
/// between the two.
///
/// ```
/// use dcv_resolver_core::CacheStats;
///
/// let mut stats = CacheStats::default();
/// stats.hits = 1_000;
/// stats.loads = 1;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Lookups that were answered without the store.
    pub hits: u64,
    /// Lookups that called the store.
    pub loads: u64,
    /// Lookups that waited for the load of another lookup.
    pub coalesced: u64,
    /// Lookups that were answered with a stale record because the store failed.
    pub stale: u64,
    /// The age of the record that was last served stale. `None` if the store
    /// has answered since.
    pub stale_age: Option<Duration>,
    /// Entries in the cache, including expired ones that have not been replaced
    /// yet.
    pub entries: u64,
    /// The estimated size of the entries, in bytes.
    pub size_bytes: u64,
    /// The time since the store last confirmed that it had reported every
    /// change. No cached result is older. `None` while the store does not
    /// report changes.
    pub confirmed_age: Option<Duration>,
}
