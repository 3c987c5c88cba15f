//! [`CacheConfig`]: how much is cached, and for how long.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, SystemClock};

/// The settings of a [`CachedStore`](crate::CachedStore): how much it caches,
/// and for how long.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_cache::CacheConfig;
///
/// let config = CacheConfig::default()
///     .max_bytes(64 << 20)
///     .ttl(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct CacheConfig {
    pub(crate) max_bytes: usize,
    pub(crate) ttl: Duration,
    pub(crate) negative_ttl: Duration,
    pub(crate) max_staleness: Duration,
    pub(crate) stale_if_error: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            ttl: Duration::from_secs(30),
            negative_ttl: Duration::from_secs(1),
            max_staleness: Duration::from_secs(1),
            stale_if_error: Duration::ZERO,
            clock: Arc::new(SystemClock),
        }
    }
}

impl CacheConfig {
    /// Limits the memory that entries take, in bytes. The default of 256 MiB
    /// holds about a million sessions of the usual size.
    ///
    /// The size is an estimate: the strings of the id and the record, and a
    /// fixed amount per entry. When the cache is full, it evicts the entries
    /// that are looked up least. It allocates nothing in advance. An entry that
    /// would take most of a shard is not cached; there are four to eight shards
    /// per processor.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how long a record is served without calling the store, counted from
    /// the beginning of the call that loaded it. The default is 30 s; with
    /// zero, records are not cached.
    ///
    /// This TTL applies without a change source, and with a source that does
    /// not report changes. With any other source,
    /// [`max_staleness`](Self::max_staleness) applies.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long the absence of a session is cached, and a record that had
    /// already expired when it was loaded. The default is 1 s; with zero, they
    /// are not cached, and a session is found as soon as it is registered.
    #[must_use]
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// Sets how long ago the change source may last have been caught up. The
    /// default is 1 s; after that, lookups call the store.
    #[must_use]
    pub fn max_staleness(mut self, max: Duration) -> Self {
        self.max_staleness = max;
        self
    }

    /// Sets how much longer a record is served while the store cannot be
    /// reached or does not answer in time. The default is zero: not at all.
    #[must_use]
    pub fn stale_if_error(mut self, duration: Duration) -> Self {
        self.stale_if_error = duration;
        self
    }

    /// Sets the clock that decides whether a cached record has expired. It must
    /// be the resolver's clock; the default is the system's. TTLs do not depend
    /// on it.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}
