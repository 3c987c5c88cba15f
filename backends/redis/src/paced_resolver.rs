//! [`PacedResolver`]: limits how often the driver connects to one node.
//!
//! The driver of a cluster connects again whenever a command needs a node that
//! it has no connection to, hundreds of times a second while the node is down,
//! and has no setting for it. It resolves the name of the node each time.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::RedisFuture;
use redis::io::AsyncDNSResolver;
use tokio::time::{Instant, sleep_until};

/// The minimum time between two connections to a node, on average.
const INTERVAL: Duration = Duration::from_millis(200);
/// How many connections may be made at once: at the start, and when the cluster
/// changes, several commands need the same new node.
const BURST: u32 = 8;
/// How long a connection waits for its turn, at most.
const MAX_WAIT: Duration = INTERVAL;

/// Resolves names as the system does, but limits how often for each node.
#[derive(Debug, Default)]
pub(crate) struct PacedResolver(Mutex<HashMap<(String, u16), Pace>>);

/// When the connections to one node would be over if they were made one
/// [`INTERVAL`] after the other.
#[derive(Debug, Clone, Copy)]
struct Pace(Instant);

impl Pace {
    /// Returns when the next connection may be made, or `None` if that is too
    /// late.
    fn next(&mut self, now: Instant) -> Option<Instant> {
        let all_over = self.0.max(now) + INTERVAL;
        let at = all_over
            .checked_sub(INTERVAL * BURST)
            .unwrap_or(now)
            .max(now);
        if at > now + MAX_WAIT {
            return None;
        }
        self.0 = all_over;
        Some(at)
    }
}

impl PacedResolver {
    fn next(&self, host: &str, port: u16) -> Option<Instant> {
        let now = Instant::now();
        // Every change is one assignment, so what a panic leaves is consistent.
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A node that is not connected to again needs no pace.
        paces.retain(|_, pace| pace.0 > now);
        let pace = paces.entry((host.to_owned(), port)).or_insert(Pace(now));
        pace.next(now)
    }
}

impl AsyncDNSResolver for PacedResolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let at = self.next(host, port).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    format!("{host}:{port} was connected to too often"),
                )
            })?;
            sleep_until(at).await;
            let addresses = tokio::net::lookup_host((host, port)).await?;
            Ok(Box::new(addresses) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_made_at_once_then_paced_then_refused() {
        let now = Instant::now();
        let mut pace = Pace(now);
        for _ in 0..BURST {
            assert_eq!(pace.next(now), Some(now));
        }
        assert_eq!(pace.next(now), Some(now + INTERVAL));
        assert_eq!(pace.next(now), None);
        assert_eq!(pace.next(now), None);
        // A second later, five more have their turn.
        let later = now + Duration::from_secs(1);
        let turns = std::iter::from_fn(|| pace.next(later));
        assert_eq!(turns.count(), 5);
    }
}
