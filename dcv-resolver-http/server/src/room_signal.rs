//! [`RoomSignal`]: wakes the server that waits for room.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Wakes the server when it waits for a connection to end or to become idle.
/// While it does not wait, this costs each connection one load per request.
#[derive(Debug)]
pub(crate) struct RoomSignal {
    started: Instant,
    /// Whether an idle connection would be closed at once.
    wants_idle: AtomicBool,
    changed: Notify,
}

impl RoomSignal {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            wants_idle: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Returns the time from the start to `now`; at least 1.
    pub(crate) fn nanos_until(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    pub(crate) fn set_wants_idle(&self, wants_idle: bool) {
        self.wants_idle.store(wants_idle, Ordering::SeqCst);
    }

    pub(crate) fn became_idle(&self) {
        if self.wants_idle.load(Ordering::SeqCst) {
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn became_free(&self) {
        self.changed.notify_waiters();
    }

    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}
