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
    /// changes; with any other it is [`max_staleness`](Self::max_staleness)
    /// that does.
    #[must_use]
    pub fn ttl(mut self, lifetime: Duration) -> Self {
        self.ttl = lifetime;
        self
    }

    /// The same for the answer that there is no such session, and for a record
    /// that had expired when it came; 1 s unless set. Zero: they are not kept,
    /// and a session is found as soon as it is registered.
    #[must_use]
    pub fn negative_ttl(mut self, lifetime: Duration) -> Self {
        self.negative_ttl = lifetime;
        self
    }

    /// With a driver: how long ago it may last have confirmed that the cache
    /// is current; 1 s unless set. When it is longer ago, the store is asked.
    #[must_use]
    pub fn max_staleness(mut self, bound: Duration) -> Self {
        self.max_staleness = bound;
        self
    }

    /// For how long a record is still served after it would no longer have
    /// been, while the store cannot be reached or does not answer in time.
    /// Zero, and so not at all, unless set.
    #[must_use]
    pub fn stale_if_error(mut self, duration: Duration) -> Self {
        self.stale_if_error = duration;
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
