//! [`SourceState`]: what the change source has reported about itself.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The state of the change source, which lookups read without a lock. Times are
/// nanoseconds since the cache was made.
#[derive(Debug)]
pub(crate) struct SourceState {
    /// A time, or one of the two values below.
    status: AtomicU64,
    /// When the source was last caught up, kept over a gap; 0 for never.
    last_caught_up_ns: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceStatus {
    /// There is no source, or it does not report changes: TTLs apply.
    NotReporting,
    /// Changes may go unreported: nothing is served without asking the store.
    Disconnected,
    /// Every change before this time has been reported.
    CaughtUp { at_ns: u64 },
}

const NOT_REPORTING: u64 = u64::MAX;
const DISCONNECTED: u64 = u64::MAX - 1;

impl SourceState {
    pub(crate) fn new() -> Self {
        Self {
            status: AtomicU64::new(NOT_REPORTING),
            last_caught_up_ns: AtomicU64::new(0),
        }
    }

    pub(crate) fn status(&self) -> SourceStatus {
        match self.status.load(Ordering::Acquire) {
            NOT_REPORTING => SourceStatus::NotReporting,
            DISCONNECTED => SourceStatus::Disconnected,
            at_ns => SourceStatus::CaughtUp { at_ns },
        }
    }

    pub(crate) fn last_caught_up_ns(&self) -> u64 {
        self.last_caught_up_ns.load(Ordering::Acquire)
    }

    pub(crate) fn stop_reporting(&self) {
        self.status.store(NOT_REPORTING, Ordering::Release);
    }

    pub(crate) fn disconnect(&self) {
        self.status.store(DISCONNECTED, Ordering::Release);
    }

    /// Records a time at which the source was caught up; an earlier time does
    /// not replace a later one. Called by one thread at a time.
    pub(crate) fn catch_up(&self, at_ns: u64) {
        let at_ns = at_ns.max(self.last_caught_up_ns());
        self.last_caught_up_ns.store(at_ns, Ordering::Release);
        self.status.store(at_ns, Ordering::Release);
    }
}
