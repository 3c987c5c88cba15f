//! `/explain`: explains how a request is resolved.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dcv_resolver_authorize::{Access, AccessRequest, Authorize};
use dcv_resolver_core::escape::escaped_lines;
use dcv_resolver_core::{Explainer, Explanation};
use dcv_resolver_http::{Problem, RequestIds, ResolveQuery, X_REQUEST_ID, call_with_deadline};
use dcv_resolver_log_throttle::LogThrottle;
use tokio::time::{Instant, sleep};

use crate::accept::preference;
use crate::bursts::in_short_bursts;
use crate::caller::check_caller;
use crate::explain_log::{ExplainLog, log_suppressed};
use crate::ops_error::OpsError;
use crate::pages::not_stored;
use crate::turns::Turns;

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The time limit of the search for similar ids. What was found by then is
/// still sent.
const SEARCH_TIME: Duration = Duration::from_millis(2_500);
/// How long refused requests are counted after one that is logged in full.
const REFUSAL_WINDOW: Duration = Duration::from_secs(10);

/// The state of the handler.
#[derive(Debug)]
struct ExplainState {
    explainer: Explainer,
    authorize: Arc<dyn Authorize>,
    request_ids: RequestIds,
    /// The search for similar ids reads whole listings.
    turns: Turns,
    refusals: LogThrottle<()>,
}

impl ExplainState {
    fn new(explainer: Explainer, authorize: Arc<dyn Authorize>) -> Self {
        Self {
            explainer: explainer.with_yield(|| Box::pin(tokio::task::yield_now())),
            authorize,
            request_ids: RequestIds::new(),
            turns: Turns::new(),
            refusals: LogThrottle::new(REFUSAL_WINDOW, |(), suppressed| log_suppressed(suppressed)),
        }
    }
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
    let state = Arc::new(ExplainState::new(explainer, authorize));
    Router::new()
        .route("/explain", get(explain).with_state(state))
        .layer(map_response(not_stored))
}

async fn explain(State(state): State<Arc<ExplainState>>, parts: Parts) -> Response {
    let access = AccessRequest::new(&parts.headers, &parts.extensions, Access::Read);
    let request_id = state.request_ids.id_for(&parts.headers);
    let mut log = ExplainLog {
        request_id: request_id.clone(),
        started: Instant::now(),
        peer: access.peer(),
        principal: None,
        request: None,
    };
    let result = explanation(&state, &access, parts.uri.query(), &mut log).await;
    let is_refused = result.as_ref().is_err_and(OpsError::is_refused);
    if !is_refused || state.refusals.allows(()) {
        log.log(result.as_ref());
    }
    let response = result.map(|explanation| show(&explanation, &parts.headers));
    ([(X_REQUEST_ID, request_id)], response).into_response()
}

async fn explanation(
    state: &ExplainState,
    access: &AccessRequest<'_>,
    query: Option<&str>,
    log: &mut ExplainLog,
) -> Result<Explanation, OpsError> {
    let started = Instant::now();
    // First, so that a stranger learns nothing from errors in the query.
    let principal = &mut log.principal;
    check_caller(&*state.authorize, access, started, TIME_LIMIT, principal).await?;
    let query = ResolveQuery::parse(query).map_err(Problem::Malformed)?;
    let request = log.request.insert(query.request().clone());
    let search_ends = sleep(SEARCH_TIME);
    let explaining = async {
        let _turn = state.turns.take().await.ok_or(Problem::Overloaded)?;
        Ok(in_short_bursts(state.explainer.explain_until(request, search_ends)).await)
    };
    call_with_deadline(started, TIME_LIMIT, explaining).await?
}

#[expect(
    clippy::expect_used,
    reason = "an explanation has string keys and no other writer than memory"
)]
fn show(explanation: &Explanation, headers: &HeaderMap) -> Response {
    if wants_text(headers) {
        // The error of a store must not control the terminal that shows it.
        let text = escaped_lines(&explanation.to_string()) + "\n";
        return text.into_response();
    }
    let json = serde_json::to_vec(explanation).expect("an explanation serializes");
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

/// Returns whether `Accept` names text, and prefers it to JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let text = preference(headers, "text/plain", None);
    text.is_named() && text > preference(headers, "application/json", None)
}
