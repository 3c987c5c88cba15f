//! [`Supervisor`]: sends commands, and notices a connection that fails.
//!
//! The driver notices a connection that ends, but not one that falls silent: a
//! middlebox that has lost its state swallows what is sent, or even acknowledges
//! it, and every call times out from then on. So when a call gets no reply, a
//! `PING` on the same connection decides whether the connection is at fault. If
//! so, a new one is made.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::StoreError;
use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::link::Link;
use crate::live::{ConnectionTest, Live};
use crate::origin::Origin;
use crate::reply::{info_server, run_id};
use crate::topology::Endpoint;

/// Whether a command may be sent again when its reply was lost. The driver of a
/// cluster sends any command again, before the failure is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idempotency {
    Idempotent,
    NonIdempotent,
}

/// Sends commands over one connection, which clones share.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor(Arc<Link>);

impl Supervisor {
    pub(crate) fn new(origin: Origin, response_timeout: Duration) -> Self {
        Self(Arc::new(Link::new(origin, response_timeout)))
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// Whether there is a connection, as far as is known.
    pub(crate) fn is_up(&self) -> bool {
        self.0.is_up()
    }

    /// Returns the deadline of a call that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.0.response_timeout)
    }

    /// Returns the deadline of a command that starts now and is one of very many,
    /// which wait for each other.
    pub(crate) fn bulk_deadline(&self) -> Deadline {
        Deadline::of_bulk(self.0.response_timeout)
    }

    /// Sends `command`, to the master of `slot` if one is given, and waits for
    /// the reply until `deadline`.
    ///
    /// An idempotent command is sent again if the connection ends meanwhile, as
    /// an idle one does when the server restarts.
    pub(crate) async fn send(
        &self,
        command: &Cmd,
        slot: Option<u16>,
        idempotency: Idempotency,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        match self.send_once(command, slot, deadline).await {
            Err(NoReply {
                failure,
                is_lost: true,
            }) if idempotency == Idempotency::Idempotent || failure.is_replica() => self
                .send_once(command, slot, deadline)
                .await
                .map_err(|no_reply| no_reply.failure),
            reply => reply.map_err(|no_reply| no_reply.failure),
        }
    }

    /// Returns whether the keys are spread over several masters.
    pub(crate) async fn is_cluster(&self, deadline: Deadline) -> Result<bool, Failure> {
        Ok(self.0.connection(deadline).await?.is_cluster())
    }

    /// Returns the run id of the process that serves `slot`, or of the one
    /// server.
    pub(crate) async fn run_id(
        &self,
        slot: Option<u16>,
        deadline: Deadline,
    ) -> Result<String, StoreError> {
        let reply = self
            .send(&info_server(), slot, Idempotency::Idempotent, deadline)
            .await?;
        run_id(reply)
    }

    /// Watches the number of the connection that calls use or used last.
    pub(crate) fn current(&self) -> watch::Receiver<u64> {
        self.0.current.subscribe()
    }

    /// Returns the number of the connection that calls use, and the server that
    /// it leads to, unless these are several.
    pub(crate) async fn reached(
        &self,
        deadline: Deadline,
    ) -> Result<(u64, Option<Endpoint>), Failure> {
        let live = self.0.connection(deadline).await?;
        Ok((live.number, live.endpoint.clone()))
    }

    /// Replaces a connection that leads to the wrong server.
    pub(crate) async fn abandon(&self, number: u64) {
        self.0.abandon(number).await;
    }

    async fn send_once(
        &self,
        command: &Cmd,
        slot: Option<u16>,
        deadline: Deadline,
    ) -> Result<Value, NoReply> {
        let link = &self.0;
        let live = link.connection(deadline).await.map_err(|failure| NoReply {
            failure,
            is_lost: false,
        })?;
        let mut pending = PendingReply {
            link,
            live: &live,
            has_reply: false,
        };
        // The time-out of the connection to a cluster is at the same time.
        match deadline.limit("no reply", live.send(command, slot)).await {
            Ok(value) => {
                pending.has_reply = true;
                link.note_reply(&live);
                Ok(value)
            }
            Err(failure) => {
                let is_lost = link.is_lost(&failure);
                // A cluster's connection may still serve the other nodes.
                pending.has_reply = !(failure.is_timeout() || is_lost && live.is_cluster());
                if !is_lost && !failure.is_timeout() {
                    link.note_reply(&live);
                }
                if is_lost && !live.is_cluster() {
                    link.replace(&live, &failure);
                }
                Err(NoReply { failure, is_lost })
            }
        }
    }
}

/// Why a command has no reply.
struct NoReply {
    failure: Failure,
    /// Whether the connection is at fault, so that another one may serve.
    is_lost: bool,
}

/// A command that waits for its reply. When it is dropped without one, because
/// the call or its caller timed out, the connection is tested.
struct PendingReply<'a> {
    link: &'a Arc<Link>,
    live: &'a Arc<Live>,
    has_reply: bool,
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        // A given connection is not replaced, so it need not be tested.
        if self.has_reply || !self.link.origin.is_ours() {
            return;
        }
        // Without a runtime the connection has ended, too.
        if let (Ok(runtime), Some(test)) = (Handle::try_current(), ConnectionTest::begin(self.live))
        {
            runtime.spawn(Arc::clone(self.link).test(test));
        }
    }
}
