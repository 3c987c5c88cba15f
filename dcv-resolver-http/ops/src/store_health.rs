//! [`StoreHealth`]: the health of one store, according to its pings.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::NamedStore;
use tokio::time::Instant;

use crate::durations::as_ms;
use crate::health_event::HealthEvent;
use crate::ping::PingError;
use crate::report::{StoreReport, StoreState};

/// A store and its health, according to its pings.
#[derive(Debug, Clone)]
pub(crate) struct StoreHealth {
    named: NamedStore,
    /// When the last successful ping was sent. Not when its result arrived: the
    /// result may have waited while the process was stopped.
    last_success: Option<Instant>,
    /// When the last completed ping was sent.
    last_completed: Option<Instant>,
    /// Why that ping failed.
    error: Option<String>,
    /// The errors that were logged since the last success: if a store
    /// alternates between two errors, each is logged once.
    logged_errors: BTreeSet<String>,
    /// The last success of the stores that this one replaced. It counts until
    /// this store has a success of its own.
    inherited_success: Option<Instant>,
    pub(crate) warnings: Vec<String>,
}

impl StoreHealth {
    pub(crate) fn new(named: &NamedStore, inherited_success: Option<Instant>) -> Self {
        Self {
            named: named.clone(),
            last_success: None,
            last_completed: None,
            error: None,
            logged_errors: BTreeSet::new(),
            inherited_success,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn named(&self) -> &NamedStore {
        &self.named
    }

    /// Returns whether both are the same object, not only stores with the same
    /// name.
    pub(crate) fn is_same_store(&self, other: &NamedStore) -> bool {
        Arc::ptr_eq(self.named.store(), other.store())
    }

    /// Returns whether no ping of it has completed yet.
    pub(crate) fn is_new(&self) -> bool {
        self.last_completed.is_none()
    }

    /// Returns when the store, or those that it replaced, last succeeded.
    pub(crate) fn success(&self) -> Option<Instant> {
        self.last_success.or(self.inherited_success)
    }

    /// Returns whether the last success is recent enough.
    pub(crate) fn is_trusted(&self, now: Instant, max_age: Duration) -> bool {
        self.success()
            .is_some_and(|at| now.saturating_duration_since(at) < max_age)
    }

    /// Records the result of the ping that was sent at `sent`.
    pub(crate) fn record(
        &mut self,
        sent: Instant,
        result: &Result<(), PingError>,
    ) -> Option<HealthEvent> {
        // A later ping may have completed before.
        if self.last_completed.is_some_and(|last| sent < last) {
            return None;
        }
        let is_change = self.is_new() || self.error.is_some();
        self.last_completed = Some(sent);
        let store = Arc::clone(self.named.name());
        match result {
            Ok(()) => {
                let silent_since = self.success();
                self.last_success = Some(sent);
                self.error = None;
                self.logged_errors.clear();
                is_change.then(|| HealthEvent::Answers {
                    store,
                    silent_for: silent_since.map(|at| sent.saturating_duration_since(at)),
                })
            }
            Err(error) => {
                self.error = Some(error.to_string());
                let is_new_error = self.logged_errors.insert(error.to_string());
                is_new_error.then(|| HealthEvent::Fails {
                    store,
                    error: error.in_full(),
                })
            }
        }
    }

    pub(crate) fn report(&self, now: Instant, max_age: Duration) -> StoreReport {
        let state = if self.is_new() {
            StoreState::New
        } else if !self.is_trusted(now, max_age) {
            StoreState::Down
        } else if self.error.is_some() {
            StoreState::Failing
        } else {
            StoreState::Up
        };
        let age_ms = |at| as_ms(now.saturating_duration_since(at));
        StoreReport {
            store: self.named.name().to_string(),
            state,
            last_answer_age_ms: self.last_success.map(age_ms),
            error: self.error.clone(),
            writable: None,
            write_error: None,
            required: true,
            warnings: self.warnings.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::{MemoryStore, Resolver, StoreError, StoreErrorKind};

    use super::*;
    use dcv_resolver_http::Interrupted;

    fn health() -> StoreHealth {
        StoreHealth::new(&Resolver::new(MemoryStore::new()).stores()[0], None)
    }

    #[test]
    fn late_result_of_an_earlier_ping_is_ignored() {
        let timed_out = || Err(PingError::Interrupted(Interrupted::TimedOut));
        let mut health = health();
        let second = Duration::from_secs(1);
        let first = Instant::now();
        assert!(health.record(first + second, &Ok(())).is_some());
        assert!(health.record(first, &timed_out()).is_none());
        let report = health.report(first + second, second);
        assert_eq!(report.state, StoreState::Up);
        assert_eq!(report.error, None);

        let event = health.record(first + second * 2, &timed_out());
        assert!(matches!(event, Some(HealthEvent::Fails { .. })));
    }

    #[test]
    fn each_error_of_an_outage_is_logged_once() {
        let mut health = health();
        let failed = |kind| Err(PingError::Store(StoreError::new("moody", kind)));
        let unreachable = failed(StoreErrorKind::Unavailable);
        let denied = failed(StoreErrorKind::AccessDenied);
        let start = Instant::now();
        let mut sent = (0..).map(|seconds| start + Duration::from_secs(seconds));
        let mut is_logged = |result| health.record(sent.next().unwrap(), result).is_some();

        assert!(is_logged(&unreachable));
        assert!(!is_logged(&unreachable));
        assert!(is_logged(&denied));
        assert!(!is_logged(&unreachable));
        assert!(is_logged(&Ok(())));
        assert!(is_logged(&denied));
    }
}
