//! [`StaleEvents`]: tells that sessions are served from before an outage.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use tokio::time::Instant;

/// Counts what is served stale, and tells of it: of the first at once, of
/// others in one event a [`WINDOW`], however many there are. No task waits for
/// the end of a window: the next answer sees to it, stale or not, or the end of
/// the cache.
#[derive(Debug, Default)]
pub(crate) struct StaleEvents {
    total: AtomicU64,
    /// There is a window: all that a call looks at while the store answers.
    open: AtomicBool,
    /// The store has not answered since it failed.
    failing: AtomicBool,
    window: Mutex<Option<Window>>,
}

const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Window {
    last_told: Instant,
    last_age: Duration,
    untold: Untold,
}

#[derive(Debug, Default)]
struct Untold {
    served: u64,
    oldest: Duration,
    error: String,
}

impl StaleEvents {
    /// A record of that age was served, because of `error`.
    pub(crate) fn served(&self, age: Duration, error: &StoreError) {
        self.total.fetch_add(1, Ordering::Relaxed);
        let mut slot = self.lock();
        let is_first = slot.is_none();
        let window = slot.get_or_insert_with(|| Window {
            last_told: Instant::now(),
            last_age: age,
            untold: Untold::default(),
        });
        window.last_age = age;
        window.untold.served += 1;
        window.untold.oldest = window.untold.oldest.max(age);
        window.untold.error = error.chain().to_string();
        let untold = (is_first || window.is_over()).then(|| {
            window.last_told = Instant::now();
            mem::take(&mut window.untold)
        });
        self.open.store(true, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
        // A subscriber may take its time.
        drop(slot);
        untold.iter().for_each(Untold::tell);
    }

    /// The store has answered.
    pub(crate) fn store_answered(&self) {
        if !self.open.load(Ordering::Relaxed) {
            return;
        }
        let mut slot = self.lock();
        self.failing.store(false, Ordering::Relaxed);
        if slot.as_ref().is_some_and(Window::is_over) {
            self.open.store(false, Ordering::Relaxed);
            let window = slot.take();
            drop(slot);
            window.iter().for_each(|window| window.untold.tell());
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How old the record was that was last served stale; `None` when the
    /// store has answered since.
    pub(crate) fn age(&self) -> Option<Duration> {
        let slot = self.lock();
        if !self.failing.load(Ordering::Relaxed) {
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
        window.iter().for_each(|window| window.untold.tell());
    }
}

impl Window {
    fn is_over(&self) -> bool {
        self.last_told.elapsed() >= WINDOW
    }
}

impl Untold {
    fn tell(&self) {
        if self.served > 0 {
            tracing::warn!(
                target: "dcv_resolver::cache",
                stale = self.served,
                oldest_age_ms = u64::try_from(self.oldest.as_millis()).unwrap_or(u64::MAX),
                error = self.error,
                "the store fails; sessions are served as they were before",
            );
        }
    }
}
