//! [`Outage`]: whether the store is known to be down, and the call that finds
//! out when it is back.

use std::sync::PoisonError;

use dcv_resolver_core::StoreError;
use tokio::task::AbortHandle;

use crate::sync::{Mutex, MutexGuard};

/// The last failure of the store, until a call succeeds.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// `None` once the store has answered, with an error or not.
    failure: Option<StoreError>,
    probe: Option<Probe>,
}

/// The one call that is made while records are served stale.
#[derive(Debug)]
struct Probe {
    began_ns: u64,
    task: AbortHandle,
}

/// A probe that takes longer is replaced: it may hang where a new probe would
/// not.
const PROBE_LIMIT_NS: u64 = 10_000_000_000;

impl Outage {
    /// Records that a call has ended with an answer or with this failure.
    pub(crate) fn set(&self, failure: Option<StoreError>) {
        self.lock().failure = failure;
    }

    /// Returns the last failure, if no call has succeeded since.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.lock().failure.clone()
    }

    /// Calls `spawn` for a probe unless one is under way.
    pub(crate) fn probe(&self, now_ns: u64, spawn: impl FnOnce() -> AbortHandle) {
        let mut state = self.lock();
        if let Some(probe) = &state.probe
            && !probe.task.is_finished()
        {
            if now_ns < probe.began_ns.saturating_add(PROBE_LIMIT_NS) {
                return;
            }
            probe.task.abort();
        }
        state.probe = Some(Probe {
            began_ns: now_ns,
            task: spawn(),
        });
    }

    /// Ends the probe that is under way.
    pub(crate) fn abort_probe(&self) {
        if let Some(probe) = self.lock().probe.take() {
            probe.task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
