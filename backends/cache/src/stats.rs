//! [`CacheStats`]: what the cache has done.

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;

/// Figures of one [`CachedStore`](crate::CachedStore), for metrics. Cloning is
/// cheap; all clones read the same, at any time, without disturbing lookups.
///
/// Every lookup that ends counts as one of hit, call or join; one that had to
/// ask again, as two of them.
#[derive(Debug, Clone)]
pub struct CacheStats(pub(crate) Arc<Shared>);

impl CacheStats {
    /// Lookups that were answered without the store.
    #[must_use]
    pub fn hits_total(&self) -> u64 {
        self.0.hits.total()
    }

    /// Calls to the store that lookups began.
    #[must_use]
    pub fn calls_total(&self) -> u64 {
        self.0.calls.total()
    }

    /// Lookups that joined a call which another had begun.
    #[must_use]
    pub fn joins_total(&self) -> u64 {
        self.0.joins.total()
    }

    /// Lookups that were answered with a stale record, while the store failed.
    #[must_use]
    pub fn stale_total(&self) -> u64 {
        self.0.stale.total()
    }

    /// How old the record may have been that was last served stale; `None`
    /// when the store has answered since.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.0.stale.age()
    }

    /// How long ago the moment is that the driver last confirmed: as old may
    /// be what is served. `None` while there is no driver, it has lost track, or
    /// does not tell.
    #[must_use]
    pub fn confirmed_age(&self) -> Option<Duration> {
        self.0.freshness.confirmed_age()
    }

    /// How many entries are kept, with those that are no longer served and
    /// await being replaced.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.entries.count()
    }

    /// What these entries take, in bytes, by the estimate that
    /// [`CacheConfig::max_bytes`](crate::CacheConfig::max_bytes) bounds.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.entries.bytes()
    }
}
