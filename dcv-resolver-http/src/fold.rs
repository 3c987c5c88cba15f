//! [`Folds`]: the same failure, a thousand times a second, in two lines.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing::{Level, field};

use crate::decision::{Decision, Outcome, event_at, level};
use crate::durations::{as_ms, as_us};

/// How many failures are told apart at once. Those that come when so many are
/// there are told apart by outcome, reason and store alone: an error text that
/// is another each time, since it quotes an id or a port, cannot flood the log.
const MAX_FAILURES: usize = 64;

/// Leaves the events of decisions, and folds failures that repeat.
///
/// The first of its kind is logged in full and opens a window. What repeats it
/// within the window is counted; when the window is over, one line tells how
/// many there were. No task waits for that: the next request sees to it,
/// whatever it asks, or the end of the router.
#[derive(Debug)]
pub(crate) struct Folds {
    /// Zero folds nothing.
    window: Duration,
    start: Instant,
    /// When the first window ends, in microseconds since the start: all that a
    /// request looks at while nothing fails.
    first_end_us: AtomicU64,
    open: Mutex<HashMap<Failure, Fold>>,
}

/// No window is open.
const NEVER: u64 = u64::MAX;

/// What makes two failures the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Failure {
    outcome: Outcome,
    reason: &'static str,
    store: String,
    told_apart_by: ToldApartBy,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ToldApartBy {
    All {
        error: Option<String>,
        /// Only where it is the caller who is refused.
        caller: Option<IpAddr>,
    },
    /// There were too many.
    NothingMore,
}

#[derive(Debug)]
struct Fold {
    opened: Instant,
    repeated: u64,
}

/// What became of a decision's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// It was left to the subscriber.
    Alone,
    /// It is one of many that will be one line.
    Folded,
}

impl Folds {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            start: Instant::now(),
            first_end_us: AtomicU64::new(NEVER),
            open: Mutex::default(),
        }
    }

    /// Leaves the event of `decision`, or counts it.
    pub(crate) fn log(&self, decision: &Decision<'_>) -> Logged {
        if self.repeats(decision) {
            return Logged::Folded;
        }
        decision.log();
        Logged::Alone
    }

    /// Whether a window is open for the like of `decision`. If not, one is
    /// now.
    fn repeats(&self, decision: &Decision<'_>) -> bool {
        let outcome = decision.outcome();
        if self.window.is_zero() || !outcome.is_failure() || !is_wanted(level(outcome)) {
            return false;
        }
        let mut failure = Failure::of(decision);
        let mut open = self.lock();
        if open.len() >= MAX_FAILURES && !open.contains_key(&failure) {
            failure.told_apart_by = ToldApartBy::NothingMore;
        }
        if let Some(fold) = open.get_mut(&failure) {
            fold.repeated += 1;
            return true;
        }
        let fold = Fold {
            opened: Instant::now(),
            repeated: 0,
        };
        self.first_end_us
            .fetch_min(self.end_us(&fold), Ordering::Relaxed);
        open.insert(failure, fold);
        false
    }

    /// Tells of the windows that are over. To be called outside the span of
    /// any request: they are no part of it.
    pub(crate) fn tell_what_is_over(&self) {
        let first_end_us = self.first_end_us.load(Ordering::Relaxed);
        if first_end_us == NEVER || as_us(self.start.elapsed()) < first_end_us {
            return;
        }
        self.close(|fold| fold.opened.elapsed() >= self.window);
    }

    fn close(&self, is_over: impl Fn(&Fold) -> bool) {
        let mut open = self.lock();
        let over: Vec<_> = open.extract_if(|_, fold| is_over(fold)).collect();
        let first_end_us = open.values().map(|fold| self.end_us(fold)).min();
        self.first_end_us
            .store(first_end_us.unwrap_or(NEVER), Ordering::Relaxed);
        // A subscriber may take its time.
        drop(open);
        for (failure, fold) in over {
            self.log_repeated(&failure, &fold);
        }
    }

    fn log_repeated(&self, failure: &Failure, fold: &Fold) {
        if fold.repeated == 0 {
            return;
        }
        let (error, caller, message) = match &failure.told_apart_by {
            ToldApartBy::All { error, caller } => {
                (error.as_deref(), *caller, "the same again, several times")
            }
            ToldApartBy::NothingMore => (None, None, "the like again, with various errors"),
        };
        let window = fold.opened.elapsed();
        event_at!(level(failure.outcome), parent: None, {
            outcome = failure.outcome.as_str(),
            reason = failure.reason,
            store = failure.store,
            caller = caller.map(field::display),
            error,
            repeated = fold.repeated,
            window_ms = as_ms(window),
            message,
        });
    }

    fn end_us(&self, fold: &Fold) -> u64 {
        let since_start = fold.opened.saturating_duration_since(self.start);
        as_us(since_start.saturating_add(self.window))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Failure, Fold>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Folds {
    fn drop(&mut self) {
        self.close(|_| true);
    }
}

impl Failure {
    fn of(decision: &Decision<'_>) -> Self {
        let problem = decision.problem();
        Self {
            outcome: decision.outcome(),
            reason: problem.map_or("", |problem| problem.reason()),
            store: decision.store.to_owned(),
            told_apart_by: ToldApartBy::All {
                error: decision.error(),
                caller: decision
                    .asked
                    .caller
                    .filter(|_| problem.is_some_and(|problem| problem.is_about_the_caller())),
            },
        }
    }
}

/// Whether anybody takes any events of this level: what nobody reads need not
/// be counted.
///
/// Not `event_enabled!`, which says it of these very events: where each layer
/// has a filter of its own, one that turns them down would then miss the next
/// event of the thread, since the one that was asked about does not come.
fn is_wanted(level: Level) -> bool {
    level <= LevelFilter::current()
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use dcv_resolver_core::{MemoryStore, Resolver};
    use tower::ServiceExt;

    use crate::{Metrics, ResolveServiceBuilder};

    /// No unit test has a subscriber; one that has would have to move away.
    #[tokio::test]
    async fn where_nobody_listens_nothing_is_counted() {
        let metrics = Metrics::new();
        let app: Router = ResolveServiceBuilder::new(Resolver::new(MemoryStore::new()))
            .allowed_callers([])
            .metrics(metrics.clone())
            .build();
        for _ in 0..3 {
            let request = Request::post("/resolveSession").body(Body::empty());
            let answer = app.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        }
        let shown = metrics.render();
        assert!(
            shown.contains("dcv_resolver_log_events_folded_total 0\n"),
            "{shown}"
        );
    }
}
