//! [`CacheConfig`]: how much is kept, and for how long.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, SystemClock};

/// How much a [`CachedStore`](crate::CachedStore) keeps, and for how long.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_cache::CacheConfig;
///
/// let config = CacheConfig::default()
///     .max_bytes(64 << 20)
///     .hit_lifetime(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct CacheConfig {
    pub(crate) max_bytes: usize,
    pub(crate) hit_lifetime: Duration,
    pub(crate) miss_lifetime: Duration,
    pub(crate) staleness_bound: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            hit_lifetime: Duration::from_secs(30),
            miss_lifetime: Duration::from_secs(1),
            staleness_bound: Duration::from_secs(1),
            stale_for: Duration::ZERO,
            clock: Arc::new(SystemClock),
        }
    }
}

impl CacheConfig {
    /// The memory that entries may take, in bytes; 256 MiB unless set, which
    /// is room for more than a million sessions of the usual size.
    ///
    /// It is counted by estimate: the texts of the id and the record, and a
    /// fixed sum for what surrounds them. When it is full, what is asked for
    /// least goes first. Nothing is allocated ahead, and an entry that would
    /// take most of a shard (there are four to eight a processor) is not kept.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// For how long a record is served without asking the store, 30 s unless
    /// set, counted from when the store began to be asked. Zero: records are
    /// not kept.
    ///
    /// It holds without a driver, and with one that says it does not tell of
    /// changes; with any other it is [`staleness_bound`](Self::staleness_bound)
    /// that does.
    #[must_use]
    pub fn hit_lifetime(mut self, lifetime: Duration) -> Self {
        self.hit_lifetime = lifetime;
        self
    }

    /// The same for the answer that there is no such session, and for a record
    /// that had expired when it came; 1 s unless set. Zero: they are not kept,
    /// and a session is found as soon as it is registered.
    #[must_use]
    pub fn miss_lifetime(mut self, lifetime: Duration) -> Self {
        self.miss_lifetime = lifetime;
        self
    }

    /// With a driver: how long ago it may last have confirmed that the cache
    /// is current; 1 s unless set. When it is longer ago, the store is asked.
    #[must_use]
    pub fn staleness_bound(mut self, bound: Duration) -> Self {
        self.staleness_bound = bound;
        self
    }

    /// For how long a record is still served after it would no longer have
    /// been, while the store cannot be reached or does not answer in time.
    /// Zero, and so not at all, unless set.
    #[must_use]
    pub fn stale_for(mut self, duration: Duration) -> Self {
        self.stale_for = duration;
        self
    }

    /// Takes the time from `clock`, to tell whether a kept record has expired:
    /// the clock of the resolver. The system's unless set. Lifetimes do not
    /// depend on it.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}
