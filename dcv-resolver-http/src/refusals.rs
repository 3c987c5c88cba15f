//! [`Refusals`]: nobody who is turned away floods the log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long refusals are counted after one that is logged in full.
const WINDOW: Duration = Duration::from_secs(10);

/// Anybody can be refused, any number of times. The first refusal is logged in
/// full and opens a window; those within the window are counted, and are one
/// line when it is over. No task waits for that: the next request sees to it,
/// whatever it is, or the end of this.
#[derive(Debug)]
pub(crate) struct Refusals {
    window: Mutex<Window>,
    tell_count: fn(u64),
}

#[derive(Debug, Default)]
struct Window {
    opened: Option<Instant>,
    count: u64,
}

impl Refusals {
    /// `tell_count` logs how many there were in a window, beside the first.
    pub(crate) fn new(tell_count: fn(u64)) -> Self {
        Self {
            window: Mutex::default(),
            tell_count,
        }
    }

    /// Takes note of a request. Whether it is to be logged in full: it is not
    /// refused, or the first of a window.
    pub(crate) fn is_to_be_logged(&self, is_refused: bool) -> bool {
        let now = Instant::now();
        let mut window = self.lock();
        let counted = window.close(now);
        let is_to_be_logged = !is_refused || window.is_first(now);
        // A subscriber may take its time.
        drop(window);
        self.tell(counted);
        is_to_be_logged
    }

    fn tell(&self, counted: u64) {
        if counted > 0 {
            (self.tell_count)(counted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        let counted = self.lock().count;
        self.tell(counted);
    }
}

impl Window {
    /// How many refusals were counted in one that is over.
    fn close(&mut self, now: Instant) -> u64 {
        if self.opened.is_none_or(|opened| now - opened < WINDOW) {
            return 0;
        }
        self.opened = None;
        std::mem::take(&mut self.count)
    }

    /// Counts a refusal; whether it is the first.
    fn is_first(&mut self, now: Instant) -> bool {
        let is_first = self.opened.is_none();
        if is_first {
            self.opened = Some(now);
        } else {
            self.count += 1;
        }
        is_first
    }
}
