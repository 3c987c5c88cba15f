//! [`Feed`]: a connection over which one server pushes what is changed on it.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, PushKind};
use tokio::time::{Instant, timeout_at};

use super::Context;
use crate::answer::{ask_run_id, ask_swaps, run_id, swaps};
use crate::error::{connection_error, timed_out};
use crate::topology::Node;

pub(crate) struct Feed(MultiplexedConnection);

impl Feed {
    /// From when this is done, changes that `node` makes are told.
    pub(crate) async fn open(context: &Context, node: &Node) -> Result<Self, StoreError> {
        let (teller, look) = (Arc::clone(&context.teller), Arc::clone(&context.look));
        let pushed = move |info| {
            teller.pushed(&info);
            // The heartbeat that fails tells that it is lost.
            if info.kind == PushKind::Disconnection {
                look.notify_one();
            }
        };
        let connection = context.servers.connect_pushed(node, pushed).await;
        let feed = Self(connection.map_err(connection_error)?);
        let mut command = redis::cmd("CLIENT");
        command.arg("TRACKING").arg("ON");
        command.arg("BCAST").arg("PREFIX");
        command.arg(context.teller.key_prefix());
        let deadline = context.server.deadline();
        feed.ask::<redis::Value>(&command, deadline).await?;
        Ok(feed)
    }

    /// Sends `command`, and waits for the answer until `deadline`. What was
    /// pushed before the answer has been told when this returns.
    pub(crate) async fn ask<T: FromRedisValue>(
        &self,
        command: &Cmd,
        deadline: Instant,
    ) -> Result<T, StoreError> {
        let mut connection = self.0.clone();
        timeout_at(deadline, command.query_async(&mut connection))
            .await
            .unwrap_or_else(|_| Err(timed_out()))
            .map_err(connection_error)
    }

    /// What the run of the server's process is called.
    pub(crate) async fn run_id(&self, deadline: Instant) -> Result<String, StoreError> {
        run_id(self.ask(&ask_run_id(), deadline).await?)
    }

    /// How often databases have been swapped.
    pub(crate) async fn swaps(&self, deadline: Instant) -> Result<u64, StoreError> {
        let info: String = self.ask(&ask_swaps(), deadline).await?;
        Ok(swaps(&info))
    }
}
