//! [`Connections`]: what a server can be asked about its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the connections of a [`Server`](super::Server), also while it
/// serves.
///
/// Clones show the same numbers.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    open: AtomicU64,
    accepted: AtomicU64,
    cut: AtomicU64,
    tls_handshakes_failed: AtomicU64,
}

impl Connections {
    /// How many are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// How many were accepted so far.
    #[must_use]
    pub fn accepted_total(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// How many were cut at the end of the shutdown's
    /// [grace](super::Server::shutdown_grace).
    #[must_use]
    pub fn cut_total(&self) -> u64 {
        self.0.cut.load(Ordering::Relaxed)
    }

    /// How many began a TLS handshake that came to nothing. A connection that
    /// is closed before it has sent a byte is none of them: health checks do
    /// that.
    #[must_use]
    pub fn tls_handshakes_failed_total(&self) -> u64 {
        self.0.tls_handshakes_failed.load(Ordering::Relaxed)
    }

    /// Counts a connection as accepted, and as open until that is dropped.
    pub(super) fn accepted(&self) -> Open {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    pub(super) fn cut(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.cut.fetch_add(count, Ordering::Relaxed);
    }

    /// How many have failed now.
    #[cfg(feature = "tls")]
    pub(super) fn tls_handshake_failed(&self) -> u64 {
        self.0.tls_handshakes_failed.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Open(Connections);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
