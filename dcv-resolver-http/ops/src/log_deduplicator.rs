//! [`LogDeduplicator`]: logs a repeated decision as two events.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_http::{Decision, DecisionLog, DecisionObserver, DecisionOutcome, Problem};
use dcv_resolver_log_throttle::{LogThrottle, Suppressed};
use tracing::level_filters::LevelFilter;
use tracing::{Level, field};

use crate::Metrics;
use crate::durations::as_ms;
use crate::recent_ids::RecentIds;

/// How many kinds of failures, and of rejected requests, have a window of their
/// own at the same time. Further ones share windows, so that neither error texts
/// that differ each time, because they quote an id or a port, nor many callers
/// can flood the log.
const MAX_KINDS: usize = 64;

/// An observer that logs decisions as [`DecisionLog`] does, but suppresses
/// those that repeat an earlier decision and that a client can cause any number
/// of times without a session.
///
/// The first decision of a kind is logged in full and opens a window. Those
/// that follow within the window are counted. At the end of the window, one
/// event at the same level has their number in `suppressed` and the length of
/// the window in `window_ms`.
///
/// | outcome | of one kind if these are equal | the summary also has |
/// |---|---|---|
/// | `error` | reason, store, policy and error | `session_ids`, the last 20 that differ |
/// | `malformed`, `refused` | reason and caller; for `overloaded`, the reason alone | |
///
/// Every other decision is logged. If more than 64 kinds are open, further ones
/// share a window regardless of their error or caller.
///
/// At the level `debug` (`info,dcv_resolver::decision=debug`), suppressed
/// decisions are logged in full as well.
///
/// It replaces the default log:
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ResolveService;
/// use dcv_resolver_ops::LogDeduplicator;
///
/// let service = ResolveService::builder(Resolver::new(MemoryStore::new()))
///     .without_log()
///     .observer(LogDeduplicator::new(Duration::from_secs(10)))
///     .build();
/// ```
#[derive(Debug, Clone)]
pub struct LogDeduplicator {
    failures: LogThrottle<Failure, RecentIds>,
    rejections: LogThrottle<Rejection>,
    metrics: Option<Metrics>,
}

/// The kind of a failure: failures with equal keys are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Failure {
    reason: &'static str,
    store: Option<Arc<str>>,
    policy: Option<Arc<str>>,
    key: DedupKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum DedupKey {
    Fine {
        error: Option<String>,
    },
    /// Too many kinds are open.
    Coarse,
}

/// The kind of a request that was rejected before any store was asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Rejection {
    outcome: DecisionOutcome,
    reason: &'static str,
    /// `None` for all callers for which there is no other kind.
    caller: Option<IpAddr>,
}

impl LogDeduplicator {
    /// Suppresses repeated decisions for `window` after the first. With
    /// [`Duration::ZERO`] every decision is logged.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self {
            failures: LogThrottle::collecting(window, summarize_failures)
                .with_max_kinds(MAX_KINDS, Failure::coarsened),
            rejections: LogThrottle::new(window, summarize_rejections)
                .with_max_kinds(MAX_KINDS, Rejection::coarsened),
            metrics: None,
        }
    }

    /// Counts suppressed events in `metrics`.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = Some(metrics);
        self
    }

    fn is_repeated(&self, decision: &Decision) -> bool {
        let outcome = decision.outcome();
        if !is_enabled(DecisionLog::level(outcome)) {
            return false;
        }
        match outcome {
            DecisionOutcome::Error => {
                let collect = |ids: &mut RecentIds| {
                    if let Some(request) = &decision.request {
                        ids.push(request.session_id());
                    }
                };
                !self
                    .failures
                    .allows_or_collects(Failure::new(decision), collect)
            }
            DecisionOutcome::Malformed | DecisionOutcome::Refused => {
                !self.rejections.allows(Rejection::new(decision))
            }
            _ => false,
        }
    }
}

impl DecisionObserver for LogDeduplicator {
    fn on_decision(&self, decision: &Decision) {
        if !self.is_repeated(decision) {
            DecisionLog.on_decision(decision);
            return;
        }
        DecisionLog::log_at(Level::DEBUG, decision);
        if let Some(metrics) = &self.metrics {
            metrics.count_suppressed();
        }
    }
}

impl Failure {
    fn new(decision: &Decision) -> Self {
        Self {
            reason: decision.reason().unwrap_or_default(),
            store: decision.store.clone(),
            policy: decision.policy.clone(),
            key: DedupKey::Fine {
                error: DecisionLog::error(decision),
            },
        }
    }

    fn coarsened(self) -> Self {
        Self {
            key: DedupKey::Coarse,
            ..self
        }
    }
}

impl Rejection {
    fn new(decision: &Decision) -> Self {
        let is_about_all_callers = matches!(decision.problem(), Some(Problem::Overloaded));
        Self {
            outcome: decision.outcome(),
            reason: decision.reason().unwrap_or_default(),
            caller: decision.caller.filter(|_| !is_about_all_callers),
        }
    }

    fn coarsened(self) -> Self {
        Self {
            caller: None,
            ..self
        }
    }
}

fn summarize_failures(failure: &Failure, suppressed: Suppressed<RecentIds>) {
    let (error, message) = match &failure.key {
        DedupKey::Fine { error } => (error.as_deref(), "identical failures suppressed"),
        DedupKey::Coarse => (None, "similar failures suppressed; errors varied"),
    };
    let ids = suppressed.details;
    tracing::error!(
        target: "dcv_resolver::decision",
        parent: None,
        outcome = DecisionOutcome::Error.as_str(),
        reason = failure.reason,
        store = failure.store.as_deref(),
        policy = failure.policy.as_deref(),
        error,
        session_ids = (!ids.is_empty()).then(|| field::display(ids)),
        suppressed = suppressed.count,
        window_ms = as_ms(suppressed.window),
        message,
    );
}

fn summarize_rejections(rejection: &Rejection, suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::decision",
        parent: None,
        outcome = rejection.outcome.as_str(),
        reason = rejection.reason,
        caller = rejection.caller.map(field::display),
        suppressed = suppressed.count,
        window_ms = as_ms(suppressed.window),
        "similar requests suppressed",
    );
}

/// Returns whether any subscriber records events of this level. An event that
/// would not be logged is not counted as suppressed.
///
/// Not `event_enabled!`, which asks about these very events: with a filter for
/// each layer, a layer that declines would then miss the thread's next event.
fn is_enabled(level: Level) -> bool {
    level <= LevelFilter::current()
}
