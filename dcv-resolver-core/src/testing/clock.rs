use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::{Clock, Timestamp};

/// A clock that changes only when the test sets it.
///
/// Clones show the same time. The default is 2030-01-01T00:00:00Z.
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_core::{Clock, testing::ManualClock};
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_millis(5));
/// assert_eq!(clock.now().as_unix_ms() - before.as_unix_ms(), 5);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_unix_ms())))
    }

    /// Sets the clock, to an earlier or later time.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_unix_ms(), Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().saturating_add(duration));
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new(Timestamp::from_unix_ms(1_893_456_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }
}
