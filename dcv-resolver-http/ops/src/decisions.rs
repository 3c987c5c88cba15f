//! `/decisions`: the last decisions.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use dcv_resolver_authorize::Authorize;
use serde::Serialize;

use crate::guard::Guard;
use crate::recent_decisions::{RecentDecision, RecentDecisions};

/// The state of the handler.
#[derive(Debug)]
struct DecisionsState {
    recent: RecentDecisions,
    guard: Guard,
}

#[derive(Debug, Serialize)]
struct Decisions {
    /// The time by the resolver's clock.
    now: String,
    /// The newest first.
    decisions: Vec<RecentDecision>,
}

pub(crate) fn decisions_router(recent: RecentDecisions, authorize: Arc<dyn Authorize>) -> Router {
    let guard = Guard::new(authorize);
    let state = Arc::new(DecisionsState { recent, guard });
    Router::new().route("/decisions", get(decisions).with_state(state))
}

async fn decisions(State(state): State<Arc<DecisionsState>>, parts: Parts) -> Response {
    let read = async {
        Ok(Decisions {
            now: state.recent.now().to_string(),
            decisions: state.recent.newest_first(),
        })
    };
    state.guard.answer(&parts, read).await
}
