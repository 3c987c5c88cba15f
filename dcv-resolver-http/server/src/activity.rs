//! [`Activity`]: what a connection is doing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::first_bytes::{FirstBytes, Greeting};
use crate::room_signal::RoomSignal;

/// What one connection is doing, for code that has to close it or to say why it
/// ended. Each request costs a few atomic stores.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Whether bytes have arrived since the wait for a request began.
    received: AtomicBool,
    /// Whether a request has been passed to the service.
    served: AtomicBool,
    /// When the wait for the next request began, in nanoseconds since the
    /// server started; 0 if it has not.
    idle_since: AtomicU64,
    /// Whether a part of a response waits for the client to read.
    stalled: AtomicBool,
    first_bytes: Mutex<FirstBytes>,
    evicted: Notify,
    room: Arc<RoomSignal>,
}

impl Activity {
    pub(crate) fn new(room: Arc<RoomSignal>) -> Self {
        Self {
            received: AtomicBool::new(false),
            served: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
            first_bytes: Mutex::default(),
            evicted: Notify::new(),
            room,
        }
    }

    /// Notes that bytes have arrived.
    pub(crate) fn receive(&self) {
        self.received.store(true, Ordering::Relaxed);
    }

    /// Notes that the TLS handshake is complete: bytes that arrived until then
    /// are not part of a request.
    #[cfg(feature = "tls")]
    pub(crate) fn complete_handshake(&self) {
        self.received.store(false, Ordering::Relaxed);
    }

    pub(crate) fn has_received(&self) -> bool {
        self.received.load(Ordering::Relaxed)
    }

    /// Notes the first bytes. Returns whether these are all.
    pub(crate) fn receive_first(&self, bytes: &[u8]) -> bool {
        self.first_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(bytes)
    }

    pub(crate) fn greeting(&self) -> Greeting {
        self.first_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .greeting()
    }

    /// Notes that a request is passed to the service.
    pub(crate) fn begin_request(&self) {
        self.served.store(true, Ordering::Relaxed);
        self.idle_since.store(0, Ordering::Relaxed);
    }

    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// Notes whether a part of a response waits for the client to read.
    pub(crate) fn set_stalled(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    /// Notes that a response is on its way and the wait for the next request begins.
    pub(crate) fn begin_wait(&self, now: Instant) {
        self.received.store(false, Ordering::Relaxed);
        self.idle_since
            .store(self.room.nanos_until(now), Ordering::SeqCst);
        // Code that looks for an idle connection does this in the opposite
        // order, so at least one of the two sees the other.
        self.room.became_idle();
    }

    /// Returns the time since which the connection has been waiting for its
    /// next request: the previous response is sent, and nothing has arrived
    /// yet.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::SeqCst);
        let is_busy = self.has_received() || self.stalled.load(Ordering::Relaxed);
        (since > 0 && !is_busy).then_some(since)
    }

    /// Asks the connection to close once it is idle.
    pub(crate) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Completes when the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}
