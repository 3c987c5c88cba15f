//! Connects to a server, to the master that the sentinels name, or to a cluster.

use std::time::Duration;

use dcv_resolver_core::StoreErrorKind;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::timeout;

use crate::connection::RedisConnection;
use crate::deadline::milliseconds;
use crate::failure::Failure;
use crate::peer::Peer;
use crate::servers::Servers;
use crate::topology::{Endpoint, Topology};

/// A connection, and the server that it leads to; that of a cluster leads to
/// several.
pub(crate) struct Reached {
    pub(crate) connection: RedisConnection,
    pub(crate) endpoint: Option<Endpoint>,
}

/// The maximum number of connections that are made one after the other: to a
/// sentinel and to the master, or to a seed, to the seed again and to all
/// nodes.
const STEPS: u32 = 3;

impl Servers {
    /// Connects within [`STEPS`] times the connect timeout.
    ///
    /// Only the connection to a cluster has a timeout for replies: without
    /// `response_timeout` it would wait for a silent node indefinitely.
    pub(crate) async fn connect(&self, response_timeout: Duration) -> Result<Reached, Failure> {
        let attempt = async {
            let dialer = self.dialer().await?;
            let (connection, endpoint) = match &self.topology {
                Topology::Single(endpoint) => {
                    let dialed = dialer.dial(&Peer::Server(endpoint.clone())).await?;
                    (dialed.connection.into(), Some(endpoint.clone()))
                }
                Topology::Sentinel { sentinels, service } => {
                    let asked = sentinels.iter().map(|node| dialer.master(node, service));
                    let (connection, node) = first_success(asked).await?;
                    (connection.into(), Some(Endpoint::Tcp(node)))
                }
                Topology::Cluster { seeds } => {
                    (dialer.cluster(seeds, response_timeout).await?, None)
                }
            };
            Ok(Reached {
                connection,
                endpoint,
            })
        };
        let limit = self.connect_timeout * STEPS;
        timeout(limit, attempt).await.unwrap_or_else(|_| {
            let limit = milliseconds("connect_timeout_ms", self.connect_timeout);
            Err(Failure::timed_out(format!(
                "no connection within {STEPS} times {limit}"
            )))
        })
    }
}

/// Returns the first success of attempts that all start at once, or the failure
/// that explains most.
pub(crate) async fn first_success<T>(
    attempts: impl Iterator<Item = impl Future<Output = Result<T, Failure>>>,
) -> Result<T, Failure> {
    let mut attempts: FuturesUnordered<_> = attempts.collect();
    let mut worst: Option<Failure> = None;
    while let Some(result) = attempts.next().await {
        match result {
            Ok(success) => return Ok(success),
            // A lasting failure says more than another server that is down.
            Err(failure) => match &worst {
                Some(known) if !is_temporary(known) && is_temporary(&failure) => {}
                _ => worst = Some(failure),
            },
        }
    }
    Err(worst
        .unwrap_or_else(|| Failure::new(StoreErrorKind::InvalidConfig, "no server is configured")))
}

fn is_temporary(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        StoreErrorKind::Unavailable | StoreErrorKind::TimedOut
    )
}
