//! What the tests run against.

mod cluster;
mod sentinel;
mod server;

pub(crate) use cluster::Cluster;
pub(crate) use sentinel::Sentinels;
pub(crate) use server::Server;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits for what another process does, far longer than any machine needs.
pub(crate) struct Patience {
    what: &'static str,
    deadline: Instant,
}

impl Patience {
    /// For `while !happened().await { patience.wait().await; }`.
    pub(crate) fn until(what: &'static str) -> Self {
        Self {
            what,
            deadline: Instant::now() + Duration::from_secs(30),
        }
    }

    pub(crate) async fn wait(&self) {
        assert!(
            Instant::now() < self.deadline,
            "not within 30 s: {}",
            self.what
        );
        sleep(Duration::from_millis(10)).await;
    }
}
