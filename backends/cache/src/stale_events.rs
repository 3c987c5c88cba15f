//! [`StaleEvents`]: counts and logs the records that are served stale.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use dcv_resolver_log_throttle::LogThrottle;

use crate::counter::Counter;

/// Logs the first record that is served stale, and the number of the others
/// once per [`WINDOW`].
#[derive(Debug)]
pub(crate) struct StaleEvents {
    total: Counter,
    /// The age of the record that was last served stale, or [`ANSWERED`].
    last_age_ns: AtomicU64,
    log: LogThrottle<()>,
}

const WINDOW: Duration = Duration::from_secs(10);

/// The store has answered since.
const ANSWERED: u64 = u64::MAX;

impl StaleEvents {
    pub(crate) fn new() -> Self {
        Self {
            total: Counter::default(),
            last_age_ns: AtomicU64::new(ANSWERED),
            log: LogThrottle::new(WINDOW, |(), suppressed| {
                tracing::warn!(
                    target: "dcv_resolver::cache",
                    suppressed = suppressed.count,
                    "served more stale sessions from the cache",
                );
            }),
        }
    }

    /// Counts a record of that age that was served because of `error`.
    pub(crate) fn served(&self, age: Duration, error: &StoreError) {
        self.total.add_one();
        let age_ns = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        self.last_age_ns
            .store(age_ns.min(ANSWERED - 1), Ordering::Relaxed);
        if self.log.allows(()) {
            tracing::warn!(
                target: "dcv_resolver::cache",
                stale_ms = age_ns / 1_000_000,
                error = error.chain().to_string(),
                "the store failed; serving stale sessions from the cache",
            );
        }
    }

    /// Records that the store has answered.
    pub(crate) fn store_answered(&self) {
        self.last_age_ns.store(ANSWERED, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.total()
    }

    /// Returns the age of the record that was last served stale, or `None` if
    /// the store has answered since.
    pub(crate) fn age(&self) -> Option<Duration> {
        let age_ns = self.last_age_ns.load(Ordering::Relaxed);
        (age_ns != ANSWERED).then(|| Duration::from_nanos(age_ns))
    }
}
