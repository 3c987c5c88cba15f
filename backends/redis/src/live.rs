//! [`Live`]: a connection that is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{Cmd, Value};
use tokio::time::Instant;

use crate::connection::RedisConnection;
use crate::failure::Failure;
use crate::topology::Endpoint;

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) number: u64,
    pub(crate) connection: RedisConnection,
    /// The server that it leads to, unless these are several.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) made_at: Instant,
    pub(crate) has_replied: AtomicBool,
    /// Whether a `PING` is under way to test it.
    is_being_tested: AtomicBool,
}

impl Live {
    pub(crate) fn new(
        number: u64,
        connection: RedisConnection,
        endpoint: Option<Endpoint>,
    ) -> Self {
        Self {
            number,
            connection,
            endpoint,
            made_at: Instant::now(),
            has_replied: AtomicBool::new(false),
            is_being_tested: AtomicBool::new(false),
        }
    }

    pub(crate) async fn send(&self, command: &Cmd, slot: Option<u16>) -> Result<Value, Failure> {
        match slot {
            None => self.connection.send(command).await,
            Some(slot) => self.connection.send_to_slot(command, slot).await,
        }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.connection.is_cluster()
    }
}

/// Marks a connection as being tested until it is dropped, which a runtime that
/// is shutting down may do before the test has begun.
pub(crate) struct ConnectionTest(Arc<Live>);

impl ConnectionTest {
    /// Returns `None` while another test is under way.
    pub(crate) fn begin(live: &Arc<Live>) -> Option<Self> {
        let is_first = !live.is_being_tested.swap(true, Ordering::Relaxed);
        is_first.then(|| Self(Arc::clone(live)))
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.0
    }
}

impl Drop for ConnectionTest {
    fn drop(&mut self) {
        self.0.is_being_tested.store(false, Ordering::Relaxed);
    }
}
