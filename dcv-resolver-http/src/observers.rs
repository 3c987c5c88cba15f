//! [`Observers`]: passes each decision to every observer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_log_throttle::LogThrottle;

use crate::decision::{Decision, DecisionObserver};

/// Panics within this time after one that is logged in full are counted.
const PANIC_WINDOW: Duration = Duration::from_secs(60);

/// The observers of a service, in the order in which they are called.
#[derive(Debug)]
pub(crate) struct Observers {
    observers: Vec<Arc<dyn DecisionObserver>>,
    /// By the place of the observer: one that panics may do so in each request.
    panics: LogThrottle<usize>,
}

impl Observers {
    pub(crate) fn new(observers: Vec<Arc<dyn DecisionObserver>>) -> Self {
        Self {
            observers,
            panics: LogThrottle::new(PANIC_WINDOW, |_, suppressed| {
                tracing::error!(suppressed = suppressed.count, "more panics of an observer");
            }),
        }
    }

    /// Calls each observer. A panic in third-party code affects neither the
    /// response nor the other observers.
    pub(crate) fn observe(&self, decision: &Decision) {
        for (place, observer) in self.observers.iter().enumerate() {
            let observe = AssertUnwindSafe(|| observer.on_decision(decision));
            if catch_unwind(observe).is_err() && self.panics.allows(place) {
                tracing::error!(?observer, "a decision observer panicked");
            }
        }
    }
}
