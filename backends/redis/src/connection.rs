//! [`RedisConnection`]: sends a command over a connection of any kind.

use std::fmt;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{Arg, Cmd, RedisResult, Value};

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;

/// A connection that the embedding program has made, for
/// [`RedisStore::with_connection`](crate::RedisStore::with_connection). It is created from types of the
/// [`redis`] crate.
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
    pub(crate) async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        let reply = match self.0.clone() {
            Kind::Multiplexed(mut connection) => connection.req_packed_command(command).await,
            Kind::Manager(mut manager) => manager.req_packed_command(command).await,
            Kind::Cluster(mut connection) => connection.req_packed_command(command).await,
        };
        self.converted(reply, command)
    }

    /// Sends `command` to the master of `slot`; outside of a cluster, to the
    /// one server.
    pub(crate) async fn send_to_slot(&self, command: &Cmd, slot: u16) -> Result<Value, Failure> {
        let master = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
        self.send_to(command, master).await
    }

    /// Sends `command` to any node that there is a connection to.
    pub(crate) async fn send_to_any(&self, command: &Cmd) -> Result<Value, Failure> {
        self.send_to(command, SingleNodeRoutingInfo::Random).await
    }

    async fn send_to(&self, command: &Cmd, node: SingleNodeRoutingInfo) -> Result<Value, Failure> {
        let Kind::Cluster(mut connection) = self.0.clone() else {
            return self.send(command).await;
        };
        let reply = connection.route_command(command.clone(), RoutingInfo::SingleNode(node));
        self.converted(reply.await, command)
    }

    fn converted(&self, reply: RedisResult<Value>, command: &Cmd) -> Result<Value, Failure> {
        reply.and_then(Value::extract_error).map_err(|error| {
            let failure = failure(&error, command);
            if self.is_cluster() {
                cluster_failure(failure)
            } else {
                failure
            }
        })
    }
}

/// Returns why `command` failed, without its arguments.
pub(crate) fn failure(error: &redis::RedisError, command: &Cmd) -> Failure {
    // The first is the name of the command.
    let arguments = command.args_iter().skip(1);
    Failure::of(
        error,
        arguments.filter_map(|argument| match argument {
            Arg::Simple(argument) => Some(argument),
            _ => None,
        }),
    )
}

/// A redirection that remains after the driver has followed several means that
/// the nodes do not agree, as during a fail-over.
fn cluster_failure(failure: Failure) -> Failure {
    if matches!(failure.code(), Some("MOVED" | "ASK")) {
        let description = "the nodes of the cluster do not agree on where the key is";
        return Failure::closed(StoreErrorKind::Unavailable, description);
    }
    failure
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

    #[test]
    fn remaining_redirection_of_a_cluster_is_retryable() {
        for line in [
            b"-MOVED 7 192.0.2.1:1\r\n".as_slice(),
            b"-ASK 7 192.0.2.1:1\r\n",
        ] {
            let error = redis::parse_redis_value(line).unwrap().extract_error();
            let failure = cluster_failure(Failure::of(&error.unwrap_err(), []));
            assert_eq!(failure.kind(), StoreErrorKind::Unavailable);
        }
    }
}
