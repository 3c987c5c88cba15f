//! [`Epochs`]: discards all entries at once.

use crate::sync::atomic::{AtomicU32, Ordering};

/// Numbers the times between two invalidations of everything. An entry belongs
/// to the epoch in which it was cached, and is served in no other, so
/// discarding a million entries takes as long as discarding one. A number of 32
/// bits saves 8 bytes per entry; with one invalidation per second, it lasts for
/// 136 years.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    current: AtomicU32,
    /// Entries of earlier epochs are not even served stale.
    min_stale: AtomicU32,
}

impl Epochs {
    pub(crate) fn current(&self) -> u32 {
        self.current.load(Ordering::Acquire)
    }

    pub(crate) fn min_stale(&self) -> u32 {
        self.min_stale.load(Ordering::Acquire)
    }

    /// Discards all entries.
    pub(crate) fn discard(&self) {
        let before = self.current.fetch_add(1, Ordering::AcqRel);
        self.min_stale
            .store(before.wrapping_add(1), Ordering::Release);
    }

    /// Discards all entries, which may still be served stale.
    pub(crate) fn expire(&self) {
        self.current.fetch_add(1, Ordering::AcqRel);
    }
}
