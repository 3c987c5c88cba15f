//! [`Epochs`]: discards all entries at once.

use std::sync::atomic::{AtomicU32, Ordering};

/// Numbers the times between two invalidations of everything. An entry belongs
/// to the epoch in which it was cached, and is served in no other: to discard a
/// million entries takes as long as to discard one. A number of 32 bits saves an
/// entry 8 bytes; with an invalidation each second it lasts for 136 years.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    current: AtomicU32,
    /// Entries of earlier epochs are not even served stale.
    min_stale: AtomicU32,
}

impl Epochs {
    pub(crate) fn current(&self) -> u32 {
        let current = self.current.load(Ordering::Acquire);
        #[cfg(test)]
        after_read::run();
        current
    }

    pub(crate) fn min_stale(&self) -> u32 {
        let min_stale = self.min_stale.load(Ordering::Acquire);
        #[cfg(test)]
        after_read::run();
        min_stale
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

/// Lets a test act between the reads of one check.
#[cfg(test)]
pub(crate) mod after_read {
    use std::cell::RefCell;

    type Action = Box<dyn FnOnce()>;

    thread_local! {
        static ACTION: RefCell<Option<Action>> = const { RefCell::new(None) };
    }

    /// Runs `action` once, after the next read of an epoch on this thread.
    pub(crate) fn set(action: impl FnOnce() + 'static) {
        ACTION.set(Some(Box::new(action)));
    }

    pub(super) fn run() {
        if let Some(action) = ACTION.take() {
            action();
        }
    }
}
