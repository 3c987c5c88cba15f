//! [`StaleEvents`]: counts and logs the records that are served stale.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use tokio::time::Instant;

use crate::counter::Counter;

/// Logs the first record that is served stale at once, and the others in one
/// event per [`WINDOW`]. No task waits for the end of a window: the next
/// result, stale or not, ends it, or the drop of the cache.
#[derive(Debug, Default)]
pub(crate) struct StaleEvents {
    total: Counter,
    /// Whether there is a window: all that a lookup reads while the store
    /// answers.
    is_open: AtomicBool,
    /// Whether the store has not answered since it failed.
    is_failing: AtomicBool,
    window: Mutex<Option<Window>>,
}

const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Window {
    last_logged: Instant,
    last_age: Duration,
    pending: Pending,
}

/// What has not been logged yet.
#[derive(Debug, Default)]
struct Pending {
    served: u64,
    oldest: Duration,
    error: String,
}

impl StaleEvents {
    /// Counts a record of that age that was served because of `error`.
    pub(crate) fn served(&self, age: Duration, error: &StoreError) {
        self.total.add_one();
        let mut slot = self.lock();
        let is_first = slot.is_none();
        let window = slot.get_or_insert_with(|| Window {
            last_logged: Instant::now(),
            last_age: age,
            pending: Pending::default(),
        });
        window.last_age = age;
        window.pending.served += 1;
        window.pending.oldest = window.pending.oldest.max(age);
        window.pending.error = error.chain().to_string();
        let pending = (is_first || window.is_over()).then(|| {
            window.last_logged = Instant::now();
            mem::take(&mut window.pending)
        });
        self.is_open.store(true, Ordering::Relaxed);
        self.is_failing.store(true, Ordering::Relaxed);
        // A subscriber may be slow: not under the lock.
        drop(slot);
        pending.iter().for_each(Pending::log);
    }

    /// Records that the store has answered.
    pub(crate) fn store_answered(&self) {
        if !self.is_open.load(Ordering::Relaxed) {
            return;
        }
        let mut slot = self.lock();
        self.is_failing.store(false, Ordering::Relaxed);
        if slot.as_ref().is_some_and(Window::is_over) {
            self.is_open.store(false, Ordering::Relaxed);
            let window = slot.take();
            drop(slot);
            window.iter().for_each(|window| window.pending.log());
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.total()
    }

    /// Returns the age of the record that was last served stale, or `None` if
    /// the store has answered since.
    pub(crate) fn age(&self) -> Option<Duration> {
        let slot = self.lock();
        if !self.is_failing.load(Ordering::Relaxed) {
            return None;
        }
        slot.as_ref().map(|window| window.last_age)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Window>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StaleEvents {
    fn drop(&mut self) {
        let window = self.lock().take();
        window.iter().for_each(|window| window.pending.log());
    }
}

impl Window {
    fn is_over(&self) -> bool {
        self.last_logged.elapsed() >= WINDOW
    }
}

impl Pending {
    fn log(&self) {
        if self.served > 0 {
            tracing::warn!(
                target: "dcv_resolver::cache",
                stale = self.served,
                oldest_age_ms = u64::try_from(self.oldest.as_millis()).unwrap_or(u64::MAX),
                error = self.error,
                "the store failed; serving stale sessions from the cache",
            );
        }
    }
}
