//! [`StaleEvents`]: tells that sessions are served from before an outage.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_core::StoreError;
use tokio::time::Instant;

/// Counts what is served stale, and tells of it in one event each
/// [`WINDOW`], however much it is. No task waits for the end of a window: the
/// next answer sees to it, stale or not, or the end of the cache.
#[derive(Debug, Default)]
pub(crate) struct StaleEvents {
    total: AtomicU64,
    /// A window is open: all that a call looks at while the store answers.
    open: AtomicBool,
    /// The store has failed since it last answered.
    failing: AtomicBool,
    window: Mutex<Option<Window>>,
}

const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Window {
    opened: Instant,
    served: u64,
    oldest: Duration,
    last: Duration,
    error: String,
}

impl StaleEvents {
    /// A record of that age was served, because of `error`.
    pub(crate) fn served(&self, age: Duration, error: &StoreError) {
        self.total.fetch_add(1, Ordering::Relaxed);
        self.failing.store(true, Ordering::Relaxed);
        let mut window = self.lock();
        if let Some(window) = window.as_mut().filter(|window| !window.is_over()) {
            window.served += 1;
            window.oldest = window.oldest.max(age);
            window.last = age;
            window.error = error.chain().to_string();
            return;
        }
        let before = window.replace(Window {
            opened: Instant::now(),
            served: 0,
            oldest: Duration::ZERO,
            last: age,
            error: String::new(),
        });
        self.open.store(true, Ordering::Relaxed);
        // A subscriber may take its time.
        drop(window);
        if let Some(before) = before {
            before.tell();
        }
        tell(1, age, &error.chain().to_string());
    }

    /// The store has answered.
    pub(crate) fn store_answered(&self) {
        if !self.open.load(Ordering::Relaxed) {
            return;
        }
        self.failing.store(false, Ordering::Relaxed);
        let mut window = self.lock();
        if window.as_ref().is_some_and(Window::is_over) {
            self.open.store(false, Ordering::Relaxed);
            let over = window.take();
            drop(window);
            over.iter().for_each(Window::tell);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How old the record was that was last served stale; `None` when the
    /// store has answered since.
    pub(crate) fn age(&self) -> Option<Duration> {
        if !self.failing.load(Ordering::Relaxed) {
            return None;
        }
        self.lock().as_ref().map(|window| window.last)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Window>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StaleEvents {
    fn drop(&mut self) {
        self.lock().take().iter().for_each(Window::tell);
    }
}

impl Window {
    fn is_over(&self) -> bool {
        self.opened.elapsed() >= WINDOW
    }

    /// Tells of all but the first, which has been told of.
    fn tell(&self) {
        if self.served > 0 {
            tell(self.served, self.oldest, &self.error);
        }
    }
}

fn tell(served: u64, oldest: Duration, error: &str) {
    tracing::warn!(
        target: "dcv_resolver::cache",
        stale = served,
        oldest_age_ms = u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX),
        error,
        "the store fails; sessions are served as they were before",
    );
}
