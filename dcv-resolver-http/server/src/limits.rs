//! [`Limits`]: how long and how much clients may send.

use std::time::Duration;

/// The time for which a warning is not repeated.
pub(crate) const WARNING_WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) header_read_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) max_header_bytes: usize,
    /// `None` is hyper's own 100, which needs no allocation per request.
    pub(crate) max_headers: Option<usize>,
    pub(crate) max_connections: usize,
    /// `None` is half of `max_connections`.
    pub(crate) max_connections_per_peer: Option<usize>,
    pub(crate) max_answered_refusals: usize,
}

impl Limits {
    pub(crate) fn max_connections_per_peer(&self) -> usize {
        let half = self.max_connections.div_ceil(2);
        self.max_connections_per_peer.unwrap_or(half)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(120),
            write_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1024,
            max_headers: None,
            max_connections: 4096,
            max_connections_per_peer: None,
            max_answered_refusals: 0,
        }
    }
}
