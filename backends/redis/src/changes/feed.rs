//! [`Feed`]: a connection over which one server pushes changes.

use std::sync::Arc;

use dcv_resolver_core::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, PushKind};

use super::context::Context;
use crate::connection::failure;
use crate::deadline::Deadline;
use crate::peer::Peer;
use crate::reply::{info_command_stats, info_server, run_id, swaps};

pub(super) struct Feed(MultiplexedConnection);

impl Feed {
    /// Connects to `peer`. Changes that it makes after this are reported.
    pub(super) async fn open(context: &Context, peer: &Peer) -> Result<Self, StoreError> {
        let notifier = Arc::clone(&context.notifier);
        let check_now = Arc::clone(&context.check_now);
        let pushed = move |info| {
            notifier.pushed(&info);
            // The next heartbeat fails, and reports the gap.
            if info.kind == PushKind::Disconnection {
                check_now.notify_one();
            }
        };
        let dialer = context.servers.dialer().await?;
        let feed = Self(dialer.dial_pushed(peer, pushed).await?);
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
        deadline: Deadline,
    ) -> Result<T, StoreError> {
        let mut connection = self.0.clone();
        let reply = async {
            let reply = command.query_async(&mut connection).await;
            reply.map_err(|error| failure(&error, command))
        };
        Ok(deadline.limit("no reply", reply).await?)
    }

    /// Returns the run id of the server's process.
    pub(super) async fn run_id(&self, deadline: Deadline) -> Result<String, StoreError> {
        run_id(self.ask(&info_server(), deadline).await?)
    }

    /// Returns how often databases have been swapped.
    pub(super) async fn swaps(&self, deadline: Deadline) -> Result<u64, StoreError> {
        let info: String = self.ask(&info_command_stats(), deadline).await?;
        Ok(swaps(&info))
    }
}
