//! [`Connections`]: counts the connections of a server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::failure::{Failure, Stage};

/// Counters for the connections of a [`Server`](crate::Server), which can be
/// read while it serves.
///
/// Clones share the counters. A `cause` is one of a fixed set of words, so it
/// can be the label of a metric. The log uses the same words.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    max: AtomicU64,
    open: AtomicU64,
    accepted: AtomicU64,
    evicted: AtomicU64,
    aborted: AtomicU64,
    failures: Failures,
}

/// One counter for each [`Failure`].
struct Failures([AtomicU64; Failure::ALL.len()]);

impl Connections {
    /// Returns how many connections may be open:
    /// [`max_connections`](crate::Server::max_connections).
    #[must_use]
    pub fn max(&self) -> u64 {
        self.0.max.load(Ordering::Relaxed)
    }

    /// Returns how many connections are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Returns how many connections were accepted so far, refused ones
    /// included.
    #[must_use]
    pub fn accepted_total(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many idle connections were closed to make room for others.
    #[must_use]
    pub fn evicted_total(&self) -> u64 {
        self.0.evicted.load(Ordering::Relaxed)
    }

    /// Returns how many connections were aborted at the end of the shutdown's
    /// [grace](crate::Server::shutdown_grace).
    #[must_use]
    pub fn aborted_total(&self) -> u64 {
        self.0.aborted.load(Ordering::Relaxed)
    }

    /// Returns how many connections were refused, by cause: the peer is not
    /// [allowed](crate::Server::allowed_peers), or has [too
    /// many](crate::Server::max_connections_per_peer).
    pub fn refused_by_cause(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.failures(Stage::Admission)
    }

    /// Returns how many TLS handshakes failed. A connection that is closed
    /// before the client has sent a byte does not count: health checks do that.
    #[must_use]
    pub fn tls_handshakes_failed_total(&self) -> u64 {
        self.tls_handshakes_failed_by_cause()
            .map(|(_, count)| count)
            .sum()
    }

    /// Returns how many TLS handshakes failed, by cause.
    pub fn tls_handshakes_failed_by_cause(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.failures(Stage::Handshake)
    }

    /// Returns how many connections ended without an answer of the service, by
    /// cause: the client speaks another protocol, sent no valid head, was too
    /// slow, or disconnected. A connection that answered a request and ends
    /// while it is idle does not count.
    pub fn failed_by_cause(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.failures(Stage::Http)
    }

    fn failures(&self, stage: Stage) -> impl Iterator<Item = (&'static str, u64)> {
        let of_stage = move |failure: &&Failure| failure.stage() == stage;
        let count = |failure: &Failure| {
            let counter = &self.0.failures.0[*failure as usize];
            (failure.cause(), counter.load(Ordering::Relaxed))
        };
        Failure::ALL.iter().filter(of_stage).map(count)
    }

    pub(crate) fn set_max(&self, max: usize) {
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        self.0.max.store(max, Ordering::Relaxed);
    }

    /// Counts a connection as accepted.
    pub(crate) fn accepted(&self) {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection as open until the result is dropped.
    pub(crate) fn opened(&self) -> OpenConnection {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self.clone())
    }

    pub(crate) fn evicted(&self) {
        self.0.evicted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn aborted(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.aborted.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.0.failures.0[failure as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Failure::ALL.len()])
    }
}

/// Shows the counters that are not zero.
impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Failure::ALL.iter().zip(&self.0);
        let counts = counts.map(|(failure, count)| (failure, count.load(Ordering::Relaxed)));
        f.debug_map()
            .entries(counts.filter(|(_, count)| *count > 0))
            .finish()
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
