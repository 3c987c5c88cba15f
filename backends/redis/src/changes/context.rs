//! [`Context`]: what watching changes needs.

use std::sync::Arc;

use tokio::sync::Notify;

use super::notifier::ChangeNotifier;
use crate::servers::Servers;
use crate::supervisor::Supervisor;

pub(super) struct Context {
    /// The connection of lookups.
    pub(super) server: Supervisor,
    pub(super) servers: Servers,
    pub(super) notifier: Arc<ChangeNotifier>,
    /// Ends the pause before the next heartbeat.
    pub(super) check_now: Arc<Notify>,
}

impl Context {
    /// Returns the number of the connection that lookups use.
    pub(super) fn current(&self) -> u64 {
        *self.server.current().borrow()
    }
}
