//! [`Single`]: watches the one server, or the master that the sentinels name.

use dcv_resolver_core::{StoreError, StoreErrorKind};
use redis::Value;

use super::context::Context;
use super::feed::Feed;
use crate::error::error;
use crate::peer::Peer;
use crate::reply::is_master;
use crate::topology::Endpoint;

pub(super) struct Single {
    feed: Feed,
    run_id: String,
    /// How often databases have been swapped, which is not pushed.
    swaps: u64,
    /// Whether the server must be a master.
    must_be_master: bool,
    /// The number of the connection of lookups, which leads to the same process.
    lookups: u64,
}

/// The server that answers lookups.
struct Lookups {
    connection: u64,
    endpoint: Option<Endpoint>,
    run_id: String,
}

impl Single {
    /// Watches the server that answers lookups.
    pub(super) async fn connect(
        context: &Context,
        must_be_master: bool,
    ) -> Result<Self, StoreError> {
        let lookups = Lookups::find(context).await?;
        let endpoint = lookups.endpoint.clone().ok_or_else(|| {
            error(StoreErrorKind::Other).with_source("the connection leads to several servers")
        })?;
        let feed = Feed::open(context, &Peer::Server(endpoint)).await?;
        let run_id = feed.run_id(context.server.deadline()).await?;
        let swaps = feed.swaps(context.server.deadline()).await?;
        let single = Self {
            feed,
            run_id,
            swaps,
            must_be_master,
            lookups: lookups.connection,
        };
        single.compare(context, &lookups).await?;
        Ok(single)
    }

    /// Returns whether databases were swapped since the last heartbeat.
    pub(super) async fn heartbeat(&mut self, context: &Context) -> Result<bool, StoreError> {
        let deadline = context.server.deadline();
        if self.must_be_master {
            let role: Vec<Value> = self.feed.ask(&redis::cmd("ROLE"), deadline).await?;
            if !is_master(&role) {
                context.server.abandon(self.lookups).await;
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

    /// Checks that the same process answers lookups. One address may lead to
    /// several servers, and later to another one.
    async fn compare(&self, context: &Context, lookups: &Lookups) -> Result<(), StoreError> {
        if self.run_id == lookups.run_id {
            return Ok(());
        }
        context.server.abandon(lookups.connection).await;
        Err(unavailable(
            "lookups are answered by another server than the one that pushes changes",
        ))
    }
}

impl Lookups {
    async fn find(context: &Context) -> Result<Self, StoreError> {
        let deadline = context.server.deadline();
        loop {
            let (connection, endpoint) = context.server.reached(deadline).await?;
            let run_id = context.server.run_id(None, deadline).await?;
            // Otherwise the run id may be that of another connection.
            if context.current() == connection {
                return Ok(Self {
                    connection,
                    endpoint,
                    run_id,
                });
            }
        }
    }
}

fn unavailable(source: &'static str) -> StoreError {
    error(StoreErrorKind::Unavailable).with_source(source)
}
