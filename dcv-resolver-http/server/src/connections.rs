//! [`Connections`]: counts the connections of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the connections of a [`Server`](crate::Server), also while it
/// serves.
///
/// Clones share the counters.
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
    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Returns how many connections were accepted so far.
    #[must_use]
    pub fn accepted_total(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many connections were cut at the end of the shutdown's
    /// [grace](crate::Server::shutdown_grace).
    #[must_use]
    pub fn cut_total(&self) -> u64 {
        self.0.cut.load(Ordering::Relaxed)
    }

    /// Returns how many TLS handshakes failed. A connection that is closed
    /// before the client has sent a byte does not count: health checks do that.
    #[must_use]
    pub fn tls_handshakes_failed_total(&self) -> u64 {
        self.0.tls_handshakes_failed.load(Ordering::Relaxed)
    }

    /// Counts a connection as accepted, and as open until the result is
    /// dropped.
    pub(crate) fn accepted(&self) -> OpenConnection {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self.clone())
    }

    pub(crate) fn cut(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.cut.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts a failed handshake and returns the new total.
    #[cfg(feature = "tls")]
    pub(crate) fn tls_handshake_failed(&self) -> u64 {
        self.0.tls_handshakes_failed.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Counts as an open connection until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Connections);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
