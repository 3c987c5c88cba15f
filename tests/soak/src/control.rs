//! [`Control`]: when the run ends, and what is broken on purpose at the moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Control {
    began: Instant,
    end: Instant,
    /// Odd during an outage of Redis, and counted up at each start and end.
    redis: AtomicU64,
}

impl Control {
    pub(crate) fn new(seconds: u64) -> Self {
        let began = Instant::now();
        Self {
            began,
            end: began + Duration::from_secs(seconds),
            redis: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits until `at`, and returns `false` if the run ends before.
    pub(crate) fn wait_until(&self, at: Instant) -> bool {
        thread::sleep(at.min(self.end).saturating_duration_since(Instant::now()));
        !self.is_over()
    }

    /// Waits for `time`, and returns `false` if the run ends before.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        self.wait_until(Instant::now() + time)
    }

    /// Begins or ends an outage of Redis.
    pub(crate) fn toggle_redis_outage(&self) {
        self.redis.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns a value to compare with
    /// [`redis_was_up_since`](Self::redis_was_up_since).
    pub(crate) fn redis_epoch(&self) -> u64 {
        self.redis.load(Ordering::SeqCst)
    }

    /// Returns whether Redis was up since `epoch` was taken.
    pub(crate) fn redis_was_up_since(&self, epoch: u64) -> bool {
        epoch.is_multiple_of(2) && epoch == self.redis_epoch()
    }
}
