//! [`Stop`]: the signals that end the process.

use std::sync::Arc;

use dcv_resolver_ops::Readiness;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::handler;
use crate::failure::Failure;

/// Tells when to stop, and when to stop at once.
///
/// SIGTERM begins the shutdown, in which whoever probes is told at once to send
/// no more gateways here, while those that come are answered still. A second
/// signal cuts that short; so does SIGINT, from somebody who waits at a
/// terminal.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    begun: Arc<Notify>,
    hurried: Arc<Notify>,
}

/// The signals, caught from now on.
#[derive(Debug)]
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Completes when the shutdown begins.
    pub(super) fn begun(&self) -> OwnedNotified {
        Arc::clone(&self.begun).notified_owned()
    }

    /// Completes when the shutdown shall wait no longer.
    pub(super) fn hurried(&self) -> OwnedNotified {
        Arc::clone(&self.hurried).notified_owned()
    }

    /// Answers the signals.
    pub(super) async fn on(self, mut signals: StopSignals, readiness: Readiness) {
        let first = signals.next().await;
        readiness.drain();
        tracing::info!(signal = first, "stopping");
        self.begun.notify_one();
        if first != INTERRUPT {
            let second = signals.next().await;
            tracing::info!(signal = second, "stopping at once");
        }
        self.hurried.notify_one();
    }
}

const INTERRUPT: &str = "SIGINT";

impl StopSignals {
    pub(super) fn catch() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: handler(SignalKind::interrupt())?,
            terminate: handler(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
