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
}

impl Epochs {
    pub(crate) fn current(&self) -> u32 {
        self.current.load(Ordering::Acquire)
    }

    /// Discards all entries.
    pub(crate) fn discard(&self) {
        self.current.fetch_add(1, Ordering::AcqRel);
    }
}
