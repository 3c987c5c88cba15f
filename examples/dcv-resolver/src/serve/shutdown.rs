//! [`Shutdown`]: what SIGTERM and SIGINT do.

use std::sync::Arc;

use dcv_resolver_ops::Readiness;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::signals::catch;
use crate::failure::Failure;

/// The shutdown: a drain, which a second signal cuts short.
///
/// SIGTERM begins the drain: `/readyz` answers 503, so that gateways go
/// elsewhere, and requests that arrive are still answered. SIGINT, which a
/// terminal sends for Ctrl-C, skips the drain.
#[derive(Debug, Clone, Default)]
pub(super) struct Shutdown {
    begun: Arc<Notify>,
    cut_short: Arc<Notify>,
}

/// The signals, caught as soon as this exists.
#[derive(Debug)]
pub(super) struct ShutdownSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl Shutdown {
    /// Completes when the drain begins.
    pub(super) fn begun(&self) -> OwnedNotified {
        Arc::clone(&self.begun).notified_owned()
    }

    /// Completes when the drain must end.
    pub(super) fn cut_short(&self) -> OwnedNotified {
        Arc::clone(&self.cut_short).notified_owned()
    }

    /// Waits for the signals.
    pub(super) async fn on(self, mut signals: ShutdownSignals, readiness: Readiness) {
        let first = signals.next().await;
        readiness.drain();
        tracing::info!(signal = first, "stopping");
        self.begun.notify_one();
        if first != INTERRUPT {
            let second = signals.next().await;
            tracing::info!(signal = second, "stopping at once");
        }
        self.cut_short.notify_one();
    }
}

const INTERRUPT: &str = "SIGINT";

impl ShutdownSignals {
    pub(super) fn catch() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
