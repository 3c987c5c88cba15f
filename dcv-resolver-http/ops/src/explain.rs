//! `/explain`: explains how a request is resolved.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dcv_resolver_authorize::Authorize;
use dcv_resolver_core::escape::escaped_lines;
use dcv_resolver_core::{Explainer, Explanation};
use dcv_resolver_http::{Problem, ResolveQuery};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::accept::preference;
use crate::bursts::in_short_bursts;
use crate::guard::Guard;
use crate::json::json;
use crate::pages::not_stored;
use crate::request_log::RequestLog;
use crate::turns::Turns;

/// The time limit of the search for similar ids. What was found by then is
/// still sent.
const SEARCH_TIME: Duration = Duration::from_millis(2_500);

/// The state of the handler.
#[derive(Debug)]
struct ExplainState {
    explainer: Explainer,
    guard: Arc<Guard>,
    turns: Turns,
}

/// Returns a router with `/explain` alone, for a service that has its own pages
/// for health and metrics; see [the crate](crate#explain).
///
/// [`OpsBuilder`](crate::OpsBuilder) includes it. After a reload, build another.
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Router;
/// use dcv_resolver_core::{Explainer, MemoryStore, Resolver};
/// use dcv_resolver_ops::{LoopbackOnly, explain_router};
///
/// let resolver = Resolver::new(MemoryStore::new());
/// let operators: Router = Router::new()
///     .nest("/resolver", explain_router(Explainer::new(resolver), Arc::new(LoopbackOnly)));
/// ```
pub fn explain_router(explainer: Explainer, authorize: Arc<dyn Authorize>) -> Router {
    let guard = Arc::new(Guard::new(authorize));
    guarded_explain_router(explainer, guard).layer(map_response(not_stored))
}

const PATH: &str = "/explain";

/// Returns the same router, for callers that `guard` allows.
pub(crate) fn guarded_explain_router(explainer: Explainer, guard: Arc<Guard>) -> Router {
    let explainer = explainer.with_yield(|| Box::pin(yield_now()));
    let state = Arc::new(ExplainState {
        explainer,
        guard,
        turns: Turns::new(),
    });
    Router::new().route(PATH, get(explain).with_state(state))
}

async fn explain(State(state): State<Arc<ExplainState>>, parts: Parts) -> Response {
    let read = async |log: &mut RequestLog| {
        let query = ResolveQuery::parse(parts.uri.query()).map_err(Problem::Malformed)?;
        let request = log.explained.insert(query.request().clone());
        let search_ends = sleep(SEARCH_TIME);
        let _turn = state.turns.take().await?;
        let explaining = state.explainer.explain_until(request, search_ends);
        let explanation = in_short_bursts(explaining).await;
        let response = show(&explanation, &parts.headers);
        log.conclusion = Some(explanation.conclusion);
        Ok(response)
    };
    state.guard.answer(PATH, &parts, read).await
}

fn show(explanation: &Explanation, headers: &HeaderMap) -> Response {
    if wants_text(headers) {
        // The error of a store must not control the terminal that shows it.
        let text = escaped_lines(&explanation.to_string()) + "\n";
        return text.into_response();
    }
    json(explanation)
}

/// Returns whether `Accept` names text, and prefers it to JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let text = preference(headers, "text/plain", None);
    text.is_named() && text > preference(headers, "application/json", None)
}
