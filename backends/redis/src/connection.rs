//! [`RedisConnection`]: sends a command over a connection of any kind.

use std::fmt;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, ErrorKind, RedisResult, Value};

/// A connection that the embedding program has made, for
/// [`RedisConfig::over`](crate::RedisConfig::over).
///
/// It is made from types of the `redis` crate, version 1: a new major version of
/// that crate needs a new major version of this one.
#[derive(Clone)]
pub struct RedisConnection(Kind);

#[derive(Clone)]
enum Kind {
    Multiplexed(MultiplexedConnection),
    Manager(ConnectionManager),
    Cluster(ClusterConnection),
}

impl From<MultiplexedConnection> for RedisConnection {
    /// Shares the connection, which is not replaced when it breaks. Outside of
    /// tests, prefer a `ConnectionManager`.
    fn from(connection: MultiplexedConnection) -> Self {
        Self(Kind::Multiplexed(connection))
    }
}

impl From<ConnectionManager> for RedisConnection {
    /// Shares the manager, which replaces a connection that breaks.
    fn from(manager: ConnectionManager) -> Self {
        Self(Kind::Manager(manager))
    }
}

impl From<ClusterConnection> for RedisConnection {
    /// Shares the connection, which must not read from replicas: sessions would
    /// look absent on a replica that lags behind.
    fn from(connection: ClusterConnection) -> Self {
        Self(Kind::Cluster(connection))
    }
}

impl RedisConnection {
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.0, Kind::Cluster(_))
    }

    /// Sends `command` to the node of its key, and waits for the reply.
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
                cluster_reply(connection.req_packed_command(command).await)
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
        let reply = connection.route_command(command.clone(), RoutingInfo::SingleNode(master));
        cluster_reply(reply.await)
    }
}

/// A redirection that remains after the driver has followed several means that
/// the nodes do not agree, as during a fail-over.
fn cluster_reply(reply: RedisResult<Value>) -> RedisResult<Value> {
    reply.and_then(Value::extract_error).map_err(|error| {
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
    use dcv_resolver_core::StoreErrorKind;

    use super::*;
    use crate::error::connection_error;

    #[test]
    fn remaining_redirection_of_a_cluster_is_retryable() {
        for line in [
            b"-MOVED 7 192.0.2.1:1\r\n".as_slice(),
            b"-ASK 7 192.0.2.1:1\r\n",
        ] {
            let reply = cluster_reply(redis::parse_redis_value(line));
            let error = connection_error(reply.unwrap_err());
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        }
    }
}
