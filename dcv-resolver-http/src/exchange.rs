//! One request in, one answer out.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{Outcome, Resolution, ResolveRequest, Resolver};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::decision::Decision;
use crate::problem::Problem;
use crate::request_id::{RequestIds, X_REQUEST_ID};
use crate::{ResolveQuery, body};

/// The longest URI, path and query together, that is read. An id of the
/// greatest length takes 768 bytes of it, every byte percent-encoded.
pub const MAX_URI_BYTES: usize = 8 * 1024;

/// What every exchange of one router shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) resolver: Resolver,
    pub(crate) time_budget: Duration,
    pub(crate) request_ids: RequestIds,
}

/// Answers one request, whatever its path, method and body.
pub(crate) async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, request_body) = request.into_parts();
    let request_id = shared.request_ids.of(&parts.headers);

    let mut response = shared.resolve_logged(&parts, &request_id, started).await;

    // Decided first, so that no body however slow costs a client its answer.
    let time_left = shared.time_budget.saturating_sub(started.elapsed());
    let body_ended = body::discard(request_body, time_left).await;

    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_REQUEST_ID, request_id);
    if !body_ended {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the last segment that is not empty is `resolveSession`: below any
/// prefix, and however many slashes there are.
fn is_resolve_path(path: &str) -> bool {
    path.rsplit('/').find(|segment| !segment.is_empty()) == Some("resolveSession")
}

impl Shared {
    async fn resolve_logged(
        &self,
        parts: &Parts,
        request_id: &HeaderValue,
        started: Instant,
    ) -> Response {
        let (query, result) = match read(parts) {
            Ok(query) => {
                let mut undecided = Undecided(Some(Decision {
                    request_id,
                    store: self.resolver.store_name(),
                    started,
                    query: Some(&query),
                    result: None,
                }));
                let result = self.resolve(query.request()).await;
                undecided.0 = None;
                drop(undecided);
                (Some(query), result)
            }
            Err(problem) => (None, Err(problem)),
        };
        let result = result.and_then(|found| {
            let body = serde_json::to_vec(&found).map_err(Problem::Unserialisable)?;
            Ok((found, body))
        });
        Decision {
            request_id,
            store: self.resolver.store_name(),
            started,
            query: query.as_ref(),
            result: Some(result.as_ref().map(|(found, _)| found)),
        }
        .log();
        match result {
            Ok((_, body)) => json(body),
            Err(problem) => problem.into_response(),
        }
    }

    /// Asks the resolver, within the time budget. A panic in a store ends
    /// here.
    async fn resolve(&self, request: &ResolveRequest) -> Result<Resolution, Problem> {
        // Nothing of ours is reached through the resolver and could be left
        // half changed; a store that panics under a lock of its own answers
        // for it.
        let resolving = AssertUnwindSafe(self.resolver.resolve(request)).catch_unwind();
        match tokio::time::timeout(self.time_budget, resolving).await {
            Ok(Ok(Ok(Outcome::Found(found)))) => Ok(found),
            Ok(Ok(Ok(Outcome::Miss(miss)))) => Err(Problem::Miss(miss)),
            Ok(Ok(Err(error))) => Err(Problem::Store(error)),
            Ok(Err(panic)) => Err(Problem::Panic(words_of(&*panic))),
            Err(_elapsed) => Err(Problem::Timeout),
        }
    }
}

/// Leaves the event of a request whose caller goes away before the decision:
/// then the future that holds this is dropped.
///
/// `None` once there is a decision.
struct Undecided<'a>(Option<Decision<'a>>);

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if let Some(decision) = &self.0 {
            decision.log();
        }
    }
}

/// Reads what a request asks: its path first, then its method, the length of
/// its URI, and the query.
fn read(parts: &Parts) -> Result<ResolveQuery<'_>, Problem> {
    if !is_resolve_path(parts.uri.path()) {
        return Err(Problem::NoSuchPath);
    }
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

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What a panic said, where it is text: `panic!` makes one of these two.
fn words_of(panic: &(dyn Any + Send)) -> String {
    if let Some(words) = panic.downcast_ref::<&str>() {
        (*words).to_owned()
    } else if let Some(words) = panic.downcast_ref::<String>() {
        words.clone()
    } else {
        "without words".to_owned()
    }
}
