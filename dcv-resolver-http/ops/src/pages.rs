//! `/readyz`, `/metrics`, and the responses to unknown paths and methods.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_http::ProblemDocument;
use tokio::sync::Mutex;

use crate::json::json;
use crate::metrics::{Metrics, MetricsFormat};
use crate::readiness::Readiness;

pub(crate) async fn readyz(State(readiness): State<Readiness>) -> Response {
    let report = readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, json(&report)).into_response()
}

/// The state of the metrics page.
#[derive(Debug, Clone)]
pub(crate) struct MetricsPage {
    metrics: Metrics,
    /// One thread renders at a time, for any number of scrapers.
    rendering: Arc<Mutex<()>>,
}

impl MetricsPage {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            rendering: Arc::default(),
        }
    }
}

/// Renders on a thread of its own: it takes milliseconds if there are many
/// series, and gateways would wait for as long.
pub(crate) async fn metrics(State(page): State<MetricsPage>, headers: HeaderMap) -> Response {
    let format = MetricsFormat::negotiate(&headers);
    let rendering = page.rendering.lock_owned().await;
    let rendered = tokio::task::spawn_blocking(move || {
        // Until the end, also if the scraper disconnects meanwhile.
        let _rendering = rendering;
        page.metrics.render(format)
    })
    .await;
    match rendered {
        Ok(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        // A function that the host watches has panicked.
        Err(_panicked) => ProblemDocument::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the metrics could not be read; see the resolver's log",
        )
        .into_response(),
    }
}

/// Returns the response to other paths than `paths`.
pub(crate) fn no_such_path(paths: &[&str]) -> ProblemDocument {
    let paths = paths.join(", ");
    let detail = format!("there is nothing at this path; the paths are {paths}");
    ProblemDocument::new(StatusCode::NOT_FOUND, "no_such_path", detail)
}

/// The router adds `Allow`.
pub(crate) async fn method_not_allowed() -> ProblemDocument {
    ProblemDocument::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "only GET and HEAD are allowed",
    )
}

pub(crate) async fn not_stored(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
