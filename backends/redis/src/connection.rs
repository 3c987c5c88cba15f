//! [`RedisConnection`]: one command, sent over whichever connection there is.

use std::fmt;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, ErrorKind, RedisResult, Value};

/// A connection that the embedding program has made, for
/// [`RedisConfig::over`](crate::RedisConfig::over).
///
/// It takes the driver's own types, of `redis` 1.8: a new major version of the
/// driver is one of this crate, too.
#[derive(Clone)]
pub struct RedisConnection(Kind);

#[derive(Clone)]
enum Kind {
    Multiplexed(MultiplexedConnection),
    Manager(ConnectionManager),
    Cluster(ClusterConnection),
}

impl From<MultiplexedConnection> for RedisConnection {
    /// The connection is not replaced when it breaks: a `ConnectionManager`
    /// is the better choice outside of tests.
    fn from(connection: MultiplexedConnection) -> Self {
        Self(Kind::Multiplexed(connection))
    }
}

impl From<ConnectionManager> for RedisConnection {
    fn from(manager: ConnectionManager) -> Self {
        Self(Kind::Manager(manager))
    }
}

impl From<ClusterConnection> for RedisConnection {
    /// The connection must not read from replicas: one that has not caught up
    /// would take a session for absent.
    fn from(connection: ClusterConnection) -> Self {
        Self(Kind::Cluster(connection))
    }
}

impl RedisConnection {
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.0, Kind::Cluster(_))
    }

    /// Sends `command` to the node of its key, and waits for the answer.
    pub(crate) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self.0.clone() {
            Kind::Multiplexed(mut connection) => connection
                .req_packed_command(command)
                .await?
                .extract_error(),
            Kind::Manager(mut manager) => {
                manager.req_packed_command(command).await?.extract_error()
            }
            Kind::Cluster(mut connection) => {
                cluster_answer(connection.req_packed_command(command).await)
            }
        }
    }

    /// Sends `command` to the master of `slot`; outside of a cluster, to the
    /// one server.
    pub(crate) async fn send_to_slot(&self, command: &Cmd, slot: u16) -> RedisResult<Value> {
        let Kind::Cluster(mut connection) = self.0.clone() else {
            return self.send(command).await;
        };
        let master = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
        let answer = connection.route_command(command.clone(), RoutingInfo::SingleNode(master));
        cluster_answer(answer.await)
    }
}

/// A redirection that is left when the driver has followed enough of them
/// means that the nodes do not agree, as during a fail-over.
fn cluster_answer(answer: RedisResult<Value>) -> RedisResult<Value> {
    answer.and_then(Value::extract_error).map_err(|error| {
        if matches!(error.code(), Some("MOVED" | "ASK")) {
            let description = "the nodes of the cluster do not agree on where the key is";
            return (ErrorKind::ClusterConnectionNotFound, description).into();
        }
        error
    })
}

impl fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Multiplexed(_) => "MultiplexedConnection",
            Kind::Manager(_) => "ConnectionManager",
            Kind::Cluster(_) => "ClusterConnection",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::connection_error;
    use dcv_resolver_core::StoreErrorKind;

    #[test]
    fn a_redirection_that_a_cluster_is_left_with_passes_by_itself() {
        for reply in [
            b"-MOVED 7 192.0.2.1:1\r\n".as_slice(),
            b"-ASK 7 192.0.2.1:1\r\n",
        ] {
            let answer = cluster_answer(redis::parse_redis_value(reply));
            let error = connection_error(answer.unwrap_err());
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        }
    }
}
