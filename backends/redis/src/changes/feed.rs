//! [`Feed`]: a connection over which one server pushes changes.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, PushKind};
use tokio::time::{Instant, timeout_at};

use super::context::Context;
use crate::error::{connection_error, timed_out};
use crate::reply::{info_command_stats, info_server, run_id, swaps};
use crate::topology::Node;

pub(super) struct Feed(MultiplexedConnection);

impl Feed {
    /// Connects to `node`. Changes that it makes after this are reported.
    pub(super) async fn open(context: &Context, node: &Node) -> Result<Self, StoreError> {
        let notifier = Arc::clone(&context.notifier);
        let check_now = Arc::clone(&context.check_now);
        let pushed = move |info| {
            notifier.pushed(&info);
            // The next heartbeat fails, and reports the gap.
            if info.kind == PushKind::Disconnection {
                check_now.notify_one();
            }
        };
        let connection = context.servers.connect_pushed(node, pushed).await;
        let feed = Self(connection.map_err(connection_error)?);
        let mut command = redis::cmd("CLIENT");
        command.arg("TRACKING").arg("ON");
        command.arg("BCAST").arg("PREFIX");
        command.arg(context.notifier.key_prefix());
        let deadline = context.server.deadline();
        feed.ask::<redis::Value>(&command, deadline).await?;
        Ok(feed)
    }

    /// Sends `command`, and waits for the reply until `deadline`. What was
    /// pushed before the reply has been reported when this returns.
    pub(super) async fn ask<T: FromRedisValue>(
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

    /// Returns the run id of the server's process.
    pub(super) async fn run_id(&self, deadline: Instant) -> Result<String, StoreError> {
        run_id(self.ask(&info_server(), deadline).await?)
    }

    /// Returns how often databases have been swapped.
    pub(super) async fn swaps(&self, deadline: Instant) -> Result<u64, StoreError> {
        let info: String = self.ask(&info_command_stats(), deadline).await?;
        Ok(swaps(&info))
    }
}
