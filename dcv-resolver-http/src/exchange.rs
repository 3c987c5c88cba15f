//! One request in, one answer out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{Outcome, Resolution, Resolver, Resolving};
use tokio::time::Instant;
use tracing::Instrument;

#[cfg(feature = "json-log")]
use crate::DecisionLines;
use crate::answer::{finished, with_type};
use crate::callers::{self, AllowedCallers};
use crate::decision::{self, Asked, Decision};
use crate::fold::Folds;
use crate::guarded::guarded;
use crate::in_flight::{InFlight, Permit};
#[cfg(feature = "metrics")]
use crate::metrics::DecisionMetrics;
use crate::problem::Problem;
#[cfg(feature = "rate-limit")]
use crate::rate_limit::CallerLimits;
use crate::request_id::RequestIds;
use crate::{ResolveQuery, body, destination, trace_context};

/// The longest URI, path and query together, that is read. An id of the
/// greatest length takes 768 bytes of it, every byte percent-encoded.
pub const MAX_URI_BYTES: usize = 8 * 1024;

/// How long the body of a request is read that was refused. Refusals are for
/// times when there is nothing to give away.
const REFUSED_BODY_TIME: Duration = Duration::from_millis(20);

/// What every exchange of one router shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) resolver: Resolver,
    pub(crate) time_budget: Duration,
    pub(crate) request_ids: RequestIds,
    pub(crate) allowed_callers: AllowedCallers,
    #[cfg(feature = "rate-limit")]
    pub(crate) caller_limits: Option<CallerLimits>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) folds: Folds,
    #[cfg(feature = "json-log")]
    pub(crate) decision_lines: Option<DecisionLines>,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<DecisionMetrics>,
}

/// [`answer`], as a handler of axum's.
pub(crate) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    answer(&shared, callers::caller(request.extensions()), request).await
}

/// Answers one request, whatever its path, method and body. `caller` is who
/// asks, where the server tells it.
pub(crate) async fn answer<B>(
    shared: &Shared,
    caller: Option<IpAddr>,
    request: Request<B>,
) -> Response
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let started = Instant::now();
    shared.folds.tell_what_is_over();
    let (parts, request_body) = request.into_parts();
    let request_id = shared.request_ids.of(&parts.headers);
    let span = trace_context::span(&parts.headers, &request_id);
    let asked = Asked {
        parts: &parts,
        request_id: &request_id,
        caller,
        started,
    };

    let (response, outcome) = shared.decide(&asked).instrument(span).await;

    // Decided first, so that no body however slow costs a client its answer.
    let patience = match outcome {
        decision::Outcome::Refused => REFUSED_BODY_TIME.min(shared.time_budget),
        _ => shared.time_budget,
    };
    let time_left = || patience.saturating_sub(started.elapsed());
    let body_ended = body::discard(request_body, time_left).await;

    finished(response, request_id, body_ended)
}

/// Whether the last segment that is not empty is `resolveSession`: below any
/// prefix, and however many slashes there are.
fn is_resolve_path(path: &str) -> bool {
    path.trim_end_matches('/')
        .strip_suffix("resolveSession")
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

impl Shared {
    async fn decide(&self, asked: &Asked<'_>) -> (Response, decision::Outcome) {
        let admitted = self
            .admit(asked)
            .and_then(|permit| Ok((permit, read(asked.parts)?)));
        match admitted {
            // The permit is given back when the answer is decided.
            Ok((permit, query)) => self.resolve(asked, &query, permit).await,
            Err(problem) => {
                let all = self.resolver.store_name();
                self.conclude(asked, all, None, None, Err(problem), None)
                    .await
            }
        }
    }

    /// Turns away what shall not be decided, before a byte of its query is
    /// read.
    ///
    /// A caller that may not ask comes first and learns nothing, not even
    /// which paths there are. Then the caller that asks too often, whatever it
    /// asks: a wrong path costs a line of the log as well. A path is answered
    /// as fast as a refusal, so it takes no place among the requests in
    /// flight. Everything else does, and where there is none left it is not
    /// even read.
    fn admit(&self, asked: &Asked<'_>) -> Result<Permit<'_>, Problem> {
        if !self.allowed_callers.allow(asked.caller) {
            return Err(Problem::CallerNotAllowed(asked.caller));
        }
        #[cfg(feature = "rate-limit")]
        if let Some(limits) = &self.caller_limits
            && !limits.allow(asked.caller)
        {
            return Err(Problem::RateLimited);
        }
        if !is_resolve_path(asked.parts.uri.path()) {
            return Err(Problem::NoSuchPath);
        }
        self.in_flight.enter().ok_or(Problem::Overloaded)
    }

    async fn resolve(
        &self,
        asked: &Asked<'_>,
        query: &ResolveQuery<'_>,
        permit: Permit<'_>,
    ) -> (Response, decision::Outcome) {
        let mut asking = Asking {
            shared: self,
            asked,
            query,
            resolving: self.resolver.begin(query.request()),
            decided: false,
        };
        let result = guarded(asked.started, self.time_budget, asking.resolving.run()).await;
        asking.decided = true;
        let result = result.and_then(|outcome| {
            let found = match outcome {
                Outcome::Found(found) => found,
                Outcome::NotFound(miss) => return Err(Problem::NotFound(miss)),
            };
            let body = destination::json(&found).map_err(Problem::Unserialisable)?;
            Ok((found, body))
        });
        let resolving = &asking.resolving;
        self.conclude(
            asked,
            resolving.store(),
            resolving.stale_age(),
            Some(query),
            result,
            Some(permit),
        )
        .await
    }

    /// Tells log and metrics of the decision, gives its place to another request,
    /// and makes it an answer.
    async fn conclude(
        &self,
        asked: &Asked<'_>,
        store: &str,
        stale_age: Option<Duration>,
        query: Option<&ResolveQuery<'_>>,
        result: Result<(Resolution, Vec<u8>), Problem>,
        permit: Option<Permit<'_>>,
    ) -> (Response, decision::Outcome) {
        let decision = Decision {
            asked,
            store,
            query,
            stale_age,
            result: Some(result.as_ref().map(|(found, _)| found)),
            elapsed: asked.started.elapsed(),
        };
        let told = || {
            self.tell(&decision);
            drop(permit);
        };
        self.written(told).await;
        let outcome = decision.outcome();
        let response = match result {
            Ok((_, body)) => with_type("application/json", body),
            Err(problem) => problem.into_response(),
        };
        (response, outcome)
    }

    /// Has `tell` tell the log of a decision. Where lines are gathered, it
    /// returns when they are written.
    #[cfg_attr(
        not(feature = "json-log"),
        expect(clippy::unused_async, reason = "then there is nothing to wait for")
    )]
    async fn written(&self, tell: impl FnOnce()) {
        #[cfg(feature = "json-log")]
        if let Some(lines) = &self.decision_lines {
            return lines.written(tell).await;
        }
        tell();
    }

    fn tell(&self, decision: &Decision<'_>) {
        let _logged = self.folds.log(decision);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            metrics.count(decision, _logged);
        }
    }
}

/// A request while the resolver is asked. When its caller goes away before the
/// decision, the future that holds this is dropped, and it tells of that.
struct Asking<'a> {
    shared: &'a Shared,
    asked: &'a Asked<'a>,
    query: &'a ResolveQuery<'a>,
    resolving: Resolving<'a>,
    decided: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.decided {
            self.shared.tell(&Decision {
                asked: self.asked,
                store: self.resolving.store(),
                query: Some(self.query),
                stale_age: self.resolving.stale_age(),
                result: None,
                elapsed: self.asked.started.elapsed(),
            });
        }
    }
}

/// Reads what a request to the resolver's path asks: its method first, then
/// the length of its URI, and the query.
fn read(parts: &Parts) -> Result<ResolveQuery<'_>, Problem> {
    if parts.method != Method::POST {
        return Err(Problem::MethodNotAllowed);
    }
    let uri_bytes = parts
        .uri
        .path_and_query()
        .map_or(0, |path_and_query| path_and_query.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        return Err(Problem::UriTooLong);
    }
    ResolveQuery::parse(parts.uri.query()).map_err(Problem::Malformed)
}
