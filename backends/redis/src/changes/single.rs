//! [`Single`]: the one server, or the master that the sentinels name.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::Value;

use super::Context;
use super::feed::Feed;
use crate::answer::is_master;
use crate::error::{connection_error, error};
use crate::topology::Node;

pub(crate) struct Single {
    feed: Feed,
    run_id: String,
    /// How often databases had been swapped, which is not pushed.
    swaps: u64,
    /// Whether only a master will do.
    is_master: bool,
    /// The connection for lookups that leads to the same process.
    lookups: u64,
}

/// Where lookups lead to.
struct Lookups {
    connection: u64,
    node: Option<Node>,
    run_id: String,
}

impl Single {
    /// Listens to the server that lookups ask.
    pub(crate) async fn connect(context: &Context, is_master: bool) -> Result<Self, StoreError> {
        let lookups = Lookups::find(context).await?;
        let node = lookups.node.as_ref().ok_or_else(|| {
            error(StoreErrorKind::Other).with_source("the connection leads to many servers")
        })?;
        let feed = Feed::open(context, node).await?;
        let run_id = feed.run_id(context.server.deadline()).await?;
        let swaps = feed.swaps(context.server.deadline()).await?;
        let single = Self {
            feed,
            run_id,
            swaps,
            is_master,
            lookups: lookups.connection,
        };
        single.compare(context, &lookups).await?;
        Ok(single)
    }

    /// Whether other keys may be there than at the last heartbeat.
    pub(crate) async fn beat(&mut self, context: &Context) -> Result<bool, StoreError> {
        let deadline = context.server.deadline();
        if self.is_master {
            let role: Vec<Value> = self.feed.ask(&redis::cmd("ROLE"), deadline).await?;
            if !is_master(&role) {
                context.server.leave(self.lookups).await;
                return Err(unavailable("the master has become a replica"));
            }
        }
        let swaps = self.feed.swaps(deadline).await?;
        if context.current() != self.lookups {
            let lookups = Lookups::find(context).await?;
            self.compare(context, &lookups).await?;
            self.lookups = lookups.connection;
        }
        Ok(std::mem::replace(&mut self.swaps, swaps) != swaps)
    }

    /// One address may lead to several servers, and to another one today than
    /// yesterday.
    async fn compare(&self, context: &Context, lookups: &Lookups) -> Result<(), StoreError> {
        if self.run_id == lookups.run_id {
            return Ok(());
        }
        context.server.leave(lookups.connection).await;
        Err(unavailable(
            "lookups are answered by another server than the one that tells of changes",
        ))
    }
}

impl Lookups {
    async fn find(context: &Context) -> Result<Self, StoreError> {
        let deadline = context.server.deadline();
        loop {
            let reached = context.server.reached(deadline).await;
            let (connection, node) = reached.map_err(connection_error)?;
            let run_id = context.server.run_id(None, deadline).await?;
            // Otherwise it may be that of another connection.
            if context.current() == connection {
                return Ok(Self {
                    connection,
                    node,
                    run_id,
                });
            }
        }
    }
}

fn unavailable(source: &'static str) -> StoreError {
    error(StoreErrorKind::Unavailable).with_source(source)
}
