//! One request in, one response out.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Uri};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{
    Outcome, PolicyError, PolicyErrorKind, Resolution, ResolveError, Resolver,
};
use tracing::Instrument;

use crate::abandon_guard::AbandonGuard;
use crate::deadline::{Interrupted, call_with_deadline};
use crate::decision::Decision;
use crate::decision_outcome::DecisionOutcome;
use crate::discard_body::discard_body;
use crate::limits::Limits;
use crate::observers::Observers;
use crate::problem::{Problem, ProblemDocument};
use crate::query::{MAX_URI_BYTES, ResolveQuery};
use crate::request_context::RequestContext;
use crate::request_id::{RequestIds, X_REQUEST_ID};
use crate::resolution_json::to_json;

/// How long the body of a refused request is read. The time is short, because a
/// resolver that refuses requests may be overloaded.
const REFUSED_BODY_TIME: Duration = Duration::from_millis(20);

/// What all requests to one service share.
#[derive(Debug)]
pub(crate) struct Responder {
    pub(crate) resolver: Resolver,
    pub(crate) time_budget: Duration,
    pub(crate) limits: Limits,
    pub(crate) observers: Observers,
    pub(crate) request_ids: RequestIds,
}

impl Responder {
    /// Answers one request with any path, method and body.
    pub(crate) async fn respond<B>(
        self: Arc<Self>,
        request: Request<B>,
    ) -> Result<Response, Infallible>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let (parts, request_body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let context = RequestContext::new(parts, &self.request_ids);
        let (request_id, started) = (context.request_id.clone(), context.started);
        let span = context.span();

        let decision = self.decide(context).instrument(span).await;

        // Everything that a gateway asks is in the query, so no body is needed.
        // The decision comes first, so that a slow body costs no client its
        // response.
        let body_time = match decision.outcome() {
            DecisionOutcome::Refused => REFUSED_BODY_TIME.min(self.time_budget),
            _ => self.time_budget,
        };
        let time_left = || body_time.saturating_sub(started.elapsed());
        let body_ended = discard_body(request_body, time_left).await;

        let mut response = response_to(&decision);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_REQUEST_ID, request_id.into());
        // A caller that is refused because of its address or its request rate
        // must not keep the connection either.
        if !body_ended || is_turned_away(&decision) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // Set here and not by the server, so that a middleware sees it too.
        if let Some(length_bytes) = response.body().size_hint().exact() {
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, length_bytes.into());
        }
        if is_head {
            *response.body_mut() = Body::empty();
        }
        response.extensions_mut().insert(decision);
        Ok(response)
    }

    async fn decide(&self, context: RequestContext) -> Arc<Decision> {
        let mut guard = AbandonGuard::new(context, &self.observers);
        let result = self.resolve(&mut guard).await;
        guard.decide(result)
    }

    async fn resolve(&self, guard: &mut AbandonGuard<'_>) -> Result<Resolution, Problem> {
        let context = &guard.context;
        let _permit = self.limits.admit(context.caller, &context.uri)?;
        let query = read(&context.method, &context.uri)?.into_parts();
        let started = context.started;
        let (request, progress) = guard.begin(query);
        let resolving = self.resolver.resolve_with_progress(request, progress);
        match call_with_deadline(started, self.time_budget, resolving).await {
            Ok(Ok(Outcome::Found(resolution))) => Ok(resolution),
            Ok(Ok(Outcome::NotFound(not_found))) => Err(Problem::NotFound(not_found)),
            Ok(Err(error)) => Err(Problem::Resolve(error)),
            Err(Interrupted::TimedOut) => Err(match guard.progress.policy().cloned() {
                None => Problem::Timeout,
                Some(policy) => Problem::Resolve(ResolveError::Policy {
                    policy,
                    source: PolicyError::new(PolicyErrorKind::TimedOut),
                }),
            }),
            Err(Interrupted::Panicked(message)) => Err(Problem::Panic(message)),
        }
    }
}

fn is_turned_away(decision: &Decision) -> bool {
    matches!(
        decision.result,
        Some(Err(Problem::CallerNotAllowed(_) | Problem::RateLimited))
    )
}

/// Validates a request to the resolver's path: first the method, then the
/// length of the URI, then the query.
fn read<'a>(method: &Method, uri: &'a Uri) -> Result<ResolveQuery<'a>, Problem> {
    if method != Method::POST {
        return Err(Problem::MethodNotAllowed);
    }
    let uri_bytes = uri.path_and_query().map_or(0, |it| it.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        return Err(Problem::UriTooLong);
    }
    ResolveQuery::parse(uri.query()).map_err(Problem::Malformed)
}

#[expect(clippy::expect_used, reason = "see the message")]
fn response_to(decision: &Decision) -> Response {
    let result = decision.result.as_ref();
    match result.expect("only an abandoned request has no result, and no response") {
        Ok(resolution) => {
            let content_type = HeaderValue::from_static("application/json");
            let body = Body::from(to_json(resolution));
            ([(CONTENT_TYPE, content_type)], body).into_response()
        }
        Err(problem) => {
            let mut response = ProblemDocument::from(problem).into_response();
            if matches!(problem, Problem::MethodNotAllowed) {
                let allow = HeaderValue::from_static("POST");
                response.headers_mut().insert(ALLOW, allow);
            }
            response
        }
    }
}
