//! `/decisions`: the last decisions.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use crate::guard::Guard;
use crate::json::json;
use crate::recent_decisions::{RecentDecision, RecentDecisions};
use crate::request_log::RequestLog;

/// The state of the handler.
#[derive(Debug)]
struct DecisionsState {
    recent: RecentDecisions,
    guard: Arc<Guard>,
}

#[derive(Debug, Serialize)]
struct Decisions {
    /// The time by the resolver's clock.
    now: String,
    /// The newest first.
    decisions: Vec<RecentDecision>,
}

const PATH: &str = "/decisions";

/// Returns a router with `/decisions` alone.
pub(crate) fn decisions_router(recent: RecentDecisions, guard: Arc<Guard>) -> Router {
    let state = Arc::new(DecisionsState { recent, guard });
    Router::new().route(PATH, get(decisions).with_state(state))
}

async fn decisions(State(state): State<Arc<DecisionsState>>, parts: Parts) -> Response {
    // From memory, so without a turn.
    let read = async |_: &mut RequestLog| {
        Ok(json(&Decisions {
            now: state.recent.now().to_string(),
            decisions: state.recent.newest_first(),
        }))
    };
    state.guard.answer(PATH, &parts, read).await
}
