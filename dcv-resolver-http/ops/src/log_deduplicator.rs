//! [`LogDeduplicator`]: logs a repeated failure as two events.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_http::{Decision, DecisionLog, DecisionObserver, DecisionOutcome, Problem};
use dcv_resolver_log_throttle::{LogThrottle, Suppressed};
use tracing::level_filters::LevelFilter;
use tracing::{Level, field};

use crate::Metrics;
use crate::durations::as_ms;

/// How many kinds of failures have a window of their own at the same time. All
/// others share one window for each outcome, reason, store and policy, so that
/// error texts that differ each time, because they quote an id or a port,
/// cannot flood the log.
const MAX_KINDS: usize = 64;

/// Logs decisions as [`DecisionLog`] does, but suppresses failures that repeat.
///
/// The first failure of a kind is logged in full and opens a window. Those that
/// follow within the window are counted. When it is over, one event of the same
/// level says how many there were in `suppressed`, and the length of the window
/// in `window_ms`.
///
/// Failures are of one kind if they have the same outcome, reason, store,
/// policy and error, and refused callers the same address. Only the outcomes
/// `error` and `refused` are suppressed; every other decision is logged. If more
/// than 64 kinds are open, further ones share a window whatever their error
/// and address, and its event says so.
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
    throttle: LogThrottle<Failure>,
    metrics: Option<Metrics>,
}

/// The kind of a failure: failures with equal keys are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Failure {
    outcome: DecisionOutcome,
    reason: &'static str,
    store: Option<Arc<str>>,
    policy: Option<Arc<str>>,
    key: DedupKey,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum DedupKey {
    Fine {
        error: Option<String>,
        /// Only for refused callers.
        caller: Option<IpAddr>,
    },
    /// Too many kinds are open.
    Coarse,
}

impl LogDeduplicator {
    /// Suppresses repeated failures for `window` after the first. With
    /// [`Duration::ZERO`] every decision is logged.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self {
            throttle: LogThrottle::new(window, summarize),
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
        let is_failure = matches!(outcome, DecisionOutcome::Refused | DecisionOutcome::Error);
        if !is_failure || !is_enabled(DecisionLog::level(outcome)) {
            return false;
        }
        let coarsen = |failure| Failure {
            key: DedupKey::Coarse,
            ..failure
        };
        !self
            .throttle
            .allows_at_most(MAX_KINDS, Failure::new(decision), coarsen)
    }
}

impl DecisionObserver for LogDeduplicator {
    fn on_decision(&self, decision: &Decision) {
        if !self.is_repeated(decision) {
            DecisionLog.on_decision(decision);
        } else if let Some(metrics) = &self.metrics {
            metrics.count_suppressed();
        }
    }
}

impl Failure {
    fn new(decision: &Decision) -> Self {
        let is_about_the_caller = matches!(
            decision.problem(),
            Some(Problem::CallerNotAllowed(_) | Problem::RateLimited)
        );
        Self {
            outcome: decision.outcome(),
            reason: decision.reason().unwrap_or_default(),
            store: decision.store.clone(),
            policy: decision.policy.clone(),
            key: DedupKey::Fine {
                error: DecisionLog::error(decision),
                caller: decision.caller.filter(|_| is_about_the_caller),
            },
        }
    }
}

fn summarize(failure: &Failure, suppressed: Suppressed) {
    let (error, caller, message) = match &failure.key {
        DedupKey::Fine { error, caller } => {
            (error.as_deref(), *caller, "identical failures suppressed")
        }
        DedupKey::Coarse => (None, None, "similar failures suppressed; errors varied"),
    };
    // The level of a tracing event is a constant.
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                target: "dcv_resolver::decision",
                parent: None,
                $level,
                outcome = failure.outcome.as_str(),
                reason = failure.reason,
                store = failure.store.as_deref(),
                policy = failure.policy.as_deref(),
                caller = caller.map(field::display),
                error,
                suppressed = suppressed.count,
                window_ms = as_ms(suppressed.window),
                message,
            )
        };
    }
    match DecisionLog::level(failure.outcome) {
        Level::ERROR => event!(Level::ERROR),
        _ => event!(Level::WARN),
    }
}

/// Returns whether any subscriber records events of this level. An event that
/// would not be logged is not counted as suppressed.
///
/// Not `event_enabled!`, which asks about these very events: with a filter for
/// each layer, a layer that declines would then miss the thread's next event.
fn is_enabled(level: Level) -> bool {
    level <= LevelFilter::current()
}
