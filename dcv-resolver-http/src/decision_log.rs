//! [`DecisionLog`]: one log event for each decision.

use dcv_resolver_core::ResolveRequest;
use dcv_resolver_core::escape::escaped;
use tracing::Level;

use crate::decision::{Decision, DecisionObserver};
use crate::decision_outcome::DecisionOutcome;
use crate::problem::Problem;
use crate::trace_context::TraceContext;

/// An observer that emits one [`tracing`] event for each decision; see [the
/// log](crate#the-log). It is the default observer of
/// [`ResolveService`](crate::ResolveService).
#[derive(Debug, Clone, Copy, Default)]
pub struct DecisionLog;

/// The maximum length of an id, so that only an id full of escapes is
/// truncated.
const MAX_FIELD_BYTES: usize = 256;
/// A chain of errors may be longer.
const MAX_ERROR_BYTES: usize = 1024;

impl DecisionLog {
    /// Returns the level of the event for `outcome`.
    ///
    /// Failures are logged at `ERROR`, because an operator must see them. Any
    /// other decision without a destination may be the caller's fault, and is
    /// logged at `WARN`.
    #[must_use]
    pub const fn level(outcome: DecisionOutcome) -> Level {
        match outcome {
            DecisionOutcome::Found => Level::INFO,
            DecisionOutcome::Error => Level::ERROR,
            DecisionOutcome::NotFound
            | DecisionOutcome::Malformed
            | DecisionOutcome::Refused
            | DecisionOutcome::Abandoned => Level::WARN,
        }
    }

    /// Logs `decision` at `level` rather than at that of its outcome. `TRACE`
    /// counts as `DEBUG`.
    pub fn log_at(level: Level, decision: &Decision) {
        let request = decision.request.as_ref();
        let problem = decision.problem();
        // Only a malformed request is logged as it was received. The other
        // events have the values that were read from it, or nothing at all from
        // a caller that is refused.
        let unread = (decision.outcome() == DecisionOutcome::Malformed).then_some(decision);
        // A field is a string even where `field::display` would do: tracing's
        // JSON formatter writes a `display` value in pieces, with three times
        // the instructions. The level of a tracing event is a constant, hence
        // one event for each level. The fields are evaluated only if the event
        // is enabled.
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "dcv_resolver::decision",
                    $level,
                    outcome = decision.outcome().as_str(),
                    reason = decision.reason(),
                    session_id = request
                        .map(|request| escaped(request.session_id().as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    transport = request.map(|request| request.transport().as_str()),
                    client_ip = request
                        .and_then(ResolveRequest::client_ip)
                        .map(|address| address.to_string())
                        .as_deref(),
                    invalid_client_ip = decision
                        .invalid_client_ip
                        .as_deref()
                        .map(|text| escaped(text, MAX_FIELD_BYTES))
                        .as_deref(),
                    method = unread.map(|decision| escaped(decision.method.as_str(), MAX_FIELD_BYTES)).as_deref(),
                    path = unread.map(|decision| escaped(decision.uri.path(), MAX_FIELD_BYTES)).as_deref(),
                    parameter = problem.and_then(Problem::parameter).as_deref(),
                    destination = decision.resolution().map(|it| it.record().host().authority(it.port())).as_deref(),
                    store = decision.store.as_deref(),
                    policy = decision.policy.as_deref(),
                    stale_ms = decision.stale_age().map(|age| saturated(age.as_millis())),
                    status = decision.status().map(|status| status.as_u16()),
                    elapsed_us = saturated(decision.elapsed.as_micros()),
                    caller = decision.caller.map(|address| address.to_string()).as_deref(),
                    request_id = decision.request_id.as_str(),
                    // In the span as well, but some formats leave spans out.
                    trace_id = decision.trace.as_ref().map(TraceContext::trace_id),
                    detail = problem.map(Problem::detail).as_deref(),
                    error = Self::error(decision),
                )
            };
        }
        match level {
            Level::ERROR => event!(Level::ERROR),
            Level::WARN => event!(Level::WARN),
            Level::INFO => event!(Level::INFO),
            _ => event!(Level::DEBUG),
        }
    }

    /// Returns the error behind a decision, with its sources, escaped and
    /// truncated.
    #[must_use]
    pub fn error(decision: &Decision) -> Option<String> {
        let cause = decision.problem()?.cause()?;
        Some(escaped(&cause, MAX_ERROR_BYTES).into_owned())
    }
}

impl DecisionObserver for DecisionLog {
    fn on_decision(&self, decision: &Decision) {
        Self::log_at(Self::level(decision.outcome()), decision);
    }
}

fn saturated(number: u128) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}
