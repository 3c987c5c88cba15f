//! [`Trust`]: the time during which no client CA is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A time during which no client CA is removed. Adding one, or replacing the
/// server's own certificate, does not end it.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    /// One clone is in each connection.
    ended: Arc<AtomicBool>,
    /// Counts the clones that are not in connections.
    holders: Arc<()>,
}

impl Trust {
    /// Returns a flag for a connection that begins. It is set when the trust
    /// ends.
    pub(super) fn begin_connection(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    /// Ends the trust, and returns how many of its connections are open.
    pub(super) fn end(&self) -> usize {
        self.ended.store(true, Ordering::Relaxed);
        // A clone that is being dropped may have dropped the first and not yet the
        // second.
        Arc::strong_count(&self.ended).saturating_sub(Arc::strong_count(&self.holders))
    }
}
