//! [`LastResponse`]: whether a response is the last of its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the next response is the last of a connection, which it then
/// announces with `connection: close`.
#[derive(Debug, Clone)]
pub(crate) struct LastResponse {
    /// The server drains.
    pub(crate) draining: Arc<AtomicBool>,
    /// The CA of the client's certificate is no longer trusted.
    pub(crate) distrusted: Option<Arc<AtomicBool>>,
    /// The peer is not allowed.
    pub(crate) is_refused: bool,
}

impl LastResponse {
    pub(crate) fn is_next(&self) -> bool {
        let is_set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        self.is_refused || is_set(&self.draining) || self.distrusted.as_ref().is_some_and(is_set)
    }
}
