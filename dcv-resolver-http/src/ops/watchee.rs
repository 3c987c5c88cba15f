//! [`Watchee`]: what is known of one store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::NamedStore;
use tokio::time::Instant;

use super::report::{StoreReport, StoreState};
use crate::durations::as_ms;
use crate::problem::Problem;
use dcv_resolver_core::escape::escaped;

/// A store, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Watchee {
    named: NamedStore,
    /// When the last ping began that was answered. Not when its answer came:
    /// it may have lain there for as long as the process was stopped.
    answered: Option<Instant>,
    /// When the last ping began whose end is known, answered or not.
    heard: Option<Instant>,
    /// Why that one was not answered.
    error: Option<String>,
    /// The reasons that were told since it answered last: a store that swings
    /// between two of them is told of each once.
    told: BTreeSet<String>,
    /// Counts as an answer until there is one.
    credit: Option<Instant>,
}

impl Watchee {
    pub(super) fn new(named: &NamedStore, credit: Option<Instant>) -> Self {
        Self {
            named: named.clone(),
            answered: None,
            heard: None,
            error: None,
            told: BTreeSet::new(),
            credit,
        }
    }

    pub(super) fn renamed(self, named: &NamedStore) -> Self {
        Self {
            named: named.clone(),
            ..self
        }
    }

    pub(super) fn named(&self) -> &NamedStore {
        &self.named
    }

    /// Whether it is the same object, whatever its name.
    pub(super) fn is(&self, other: &NamedStore) -> bool {
        Arc::ptr_eq(self.named.store(), other.store())
    }

    /// Whether no ping of it has ended yet.
    pub(super) fn is_new(&self) -> bool {
        self.heard.is_none()
    }

    /// When it was last known to answer.
    pub(super) fn evidence(&self) -> Option<Instant> {
        self.answered.or(self.credit)
    }

    /// Whether the evidence is recent enough.
    pub(super) fn is_trusted(&self, now: Instant, patience: Duration) -> bool {
        self.evidence()
            .is_some_and(|at| now.saturating_duration_since(at) < patience)
    }

    /// Takes note of how the ping ended that began at `asked`.
    pub(super) fn hear(
        &mut self,
        asked: Instant,
        result: &Result<(), Problem>,
    ) -> Option<StoreNews> {
        // A later ping may have ended before.
        if self.heard.is_some_and(|heard| asked < heard) {
            return None;
        }
        let had_failed = self.error.is_some();
        let was_new = self.is_new();
        self.heard = Some(asked);
        let silent_since = self.evidence();
        let store = Arc::clone(self.named.name());
        match result {
            Ok(()) => {
                self.answered = Some(asked);
                self.error = None;
                self.told.clear();
                (had_failed || was_new).then(|| StoreNews::Answers {
                    store,
                    silent_for: silent_since.map(|at| asked.saturating_duration_since(at)),
                })
            }
            Err(problem) => {
                let error = in_short(problem);
                self.error = Some(error.clone());
                self.told.insert(error).then(|| StoreNews::Fails {
                    store,
                    error: in_full(problem),
                })
            }
        }
    }

    pub(super) fn report(&self, now: Instant, patience: Duration) -> StoreReport {
        let state = if self.is_new() {
            StoreState::New
        } else if !self.is_trusted(now, patience) {
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
            last_answer_age_ms: self.answered.map(age_ms),
            error: self.error.clone(),
        }
    }
}

/// Names no host and no path: whoever reaches the listener may read it.
fn in_short(problem: &Problem) -> String {
    match problem {
        Problem::Store(error) => error.to_string(),
        Problem::Timeout => "the store did not answer the ping in time".to_owned(),
        _ => "the store panicked; the log tells why".to_owned(),
    }
}

fn in_full(problem: &Problem) -> String {
    problem
        .cause()
        .map_or_else(|| in_short(problem), |cause| cause.into_owned())
}

/// What is worth a line in the log.
#[derive(Debug)]
pub(super) enum StoreNews {
    Answers {
        store: Arc<str>,
        silent_for: Option<Duration>,
    },
    Fails {
        store: Arc<str>,
        error: String,
    },
}

const MAX_ERROR_BYTES: usize = 1024;

impl StoreNews {
    pub(super) fn log(&self) {
        match self {
            Self::Answers { store, silent_for } => tracing::info!(
                target: "dcv_resolver::readiness",
                store = &**store,
                silent_for_ms = silent_for.map(as_ms),
                "the store answers",
            ),
            Self::Fails { store, error } => tracing::warn!(
                target: "dcv_resolver::readiness",
                store = &**store,
                error = &*escaped(error, MAX_ERROR_BYTES),
                "the store does not answer",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::{MemoryStore, Resolver, StoreError, StoreErrorKind};

    use super::*;

    #[test]
    fn a_ping_that_is_given_up_late_does_not_take_back_a_later_answer() {
        let resolver = Resolver::new(MemoryStore::new());
        let mut watchee = Watchee::new(&resolver.stores()[0], None);
        let second = Duration::from_secs(1);
        let first = Instant::now();
        assert!(watchee.hear(first + second, &Ok(())).is_some());
        assert!(watchee.hear(first, &Err(Problem::Timeout)).is_none());
        let report = watchee.report(first + second, second);
        assert_eq!(report.state, StoreState::Up);
        assert_eq!(report.error, None);

        let news = watchee.hear(first + second * 2, &Err(Problem::Timeout));
        assert!(matches!(news, Some(StoreNews::Fails { .. })));
    }

    #[test]
    fn each_reason_of_an_outage_is_told_once() {
        let resolver = Resolver::new(MemoryStore::new());
        let mut watchee = Watchee::new(&resolver.stores()[0], None);
        let refused = |kind| Err(Problem::Store(StoreError::new("moody", kind)));
        let unreachable = refused(StoreErrorKind::Unavailable);
        let denied = refused(StoreErrorKind::AccessDenied);
        let start = Instant::now();
        let mut asked = (0..).map(|seconds| start + Duration::from_secs(seconds));
        let mut is_news = |result| watchee.hear(asked.next().unwrap(), result).is_some();

        assert!(is_news(&unreachable));
        assert!(!is_news(&unreachable));
        assert!(is_news(&denied));
        assert!(!is_news(&unreachable));
        assert!(is_news(&Ok(())));
        assert!(is_news(&denied));
    }
}
