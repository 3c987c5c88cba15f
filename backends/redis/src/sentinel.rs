//! Finds the master that the sentinels name.

use dcv_resolver_core::StoreErrorKind;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value};
use tokio::time::timeout;

use crate::deadline::milliseconds;
use crate::dial::Dialer;
use crate::failure::Failure;
use crate::peer::Peer;
use crate::reply::is_master;
use crate::topology::Node;

impl Dialer<'_> {
    /// Connects to the master of `service` that `sentinel` names.
    pub(crate) async fn master(
        &self,
        sentinel: &Node,
        service: &str,
    ) -> Result<(MultiplexedConnection, Node), Failure> {
        let peer = Peer::Sentinel(sentinel.clone());
        let mut connection = self.dial(&peer).await?.connection;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let reply: Option<(String, u16)> = self.ask(&mut connection, &command, &peer).await?;
        let (host, port) = reply.ok_or_else(|| {
            let text = format!("{peer} does not know the service {service}, which the URL names");
            Failure::new(StoreErrorKind::Unavailable, text)
        })?;
        let node = Node { host, port };
        let peer = Peer::Master {
            master: node.clone(),
            service: service.to_owned(),
            sentinel: sentinel.clone(),
        };
        let mut master = self.dial(&peer).await?.connection;
        // Right after a fail-over a sentinel may still name the old master, which
        // may be an empty replica by now.
        let role: Vec<Value> = self.ask(&mut master, &redis::cmd("ROLE"), &peer).await?;
        if !is_master(&role) {
            let text = format!("{peer} is a replica");
            return Err(Failure::new(StoreErrorKind::Unavailable, text));
        }
        Ok((master, node))
    }

    /// Sends one command that is part of connecting.
    async fn ask<T: FromRedisValue>(
        &self,
        connection: &mut MultiplexedConnection,
        command: &redis::Cmd,
        peer: &Peer,
    ) -> Result<T, Failure> {
        let limit = self.servers.connect_timeout;
        match timeout(limit, command.query_async(connection)).await {
            Ok(reply) => reply.map_err(|error| self.explain(peer, Failure::of(&error, []))),
            Err(_) => {
                let limit = milliseconds("connect_timeout_ms", limit);
                Err(Failure::timed_out(format!(
                    "no reply from {peer} within {limit}"
                )))
            }
        }
    }
}
