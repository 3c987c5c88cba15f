//! `/readyz`, `/metrics`, and the responses to unknown paths and methods.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dcv_resolver_http::ProblemDocument;

use crate::metrics::Metrics;
use crate::readiness::Readiness;

#[expect(clippy::expect_used, reason = "strings and numbers serialize")]
pub(crate) async fn readyz(State(readiness): State<Readiness>) -> Response {
    let report = readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let json = serde_json::to_vec(&report).expect("strings and numbers serialize");
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}

pub(crate) async fn metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], metrics.render())
}

pub(crate) async fn no_such_path() -> ProblemDocument {
    ProblemDocument::new(
        StatusCode::NOT_FOUND,
        "no_such_path",
        "there is nothing at this path; the paths are /livez, /readyz, /metrics and /explain",
    )
}

/// The router adds `Allow`.
pub(crate) async fn method_not_allowed() -> ProblemDocument {
    ProblemDocument::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "only GET and HEAD are allowed",
    )
}
