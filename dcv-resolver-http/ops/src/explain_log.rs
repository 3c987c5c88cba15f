//! [`ExplainLog`]: the log event of one request to `/explain`.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderValue, StatusCode};
use dcv_resolver_authorize::Principal;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{Conclusion, Explanation, ResolveRequest};
use dcv_resolver_http::request_id_text;
use dcv_resolver_log_throttle::Suppressed;
use tokio::time::Instant;
use tracing::{Level, field};

use crate::durations::{as_ms, as_us};
use crate::ops_error::OpsError;

/// The fields of the log event of one request, as far as they are known.
#[derive(Debug)]
pub(crate) struct ExplainLog {
    pub(crate) request_id: HeaderValue,
    pub(crate) started: Instant,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) principal: Option<Principal>,
    pub(crate) request: Option<ResolveRequest>,
}

const MAX_FIELD_BYTES: usize = 256;
const MAX_ERROR_BYTES: usize = 1024;

impl ExplainLog {
    pub(crate) fn log(&self, result: Result<&Explanation, &OpsError>) {
        let request = self.request.as_ref();
        let (outcome, reason, status, error) = match result {
            Ok(explanation) => {
                let (outcome, reason, error) = summary(&explanation.conclusion);
                (outcome, reason, StatusCode::OK, error.map(Into::into))
            }
            Err(error) => (
                error.outcome(),
                Some(error.reason()),
                error.status(),
                error.cause(),
            ),
        };
        // The level of a tracing event is a constant.
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "dcv_resolver::explain",
                    $level,
                    outcome,
                    reason,
                    session_id = request
                        .map(|request| escaped(request.session_id().as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    transport = request.map(|request| request.transport().as_str()),
                    client_ip = request
                        .and_then(ResolveRequest::client_ip)
                        .map(field::display::<IpAddr>),
                    principal = self
                        .principal
                        .as_ref()
                        .map(|principal| escaped(&principal.name, MAX_FIELD_BYTES))
                        .as_deref(),
                    peer = self.peer.map(field::display),
                    status = status.as_u16(),
                    elapsed_us = as_us(self.started.elapsed()),
                    request_id = request_id_text(&self.request_id),
                    error = error.map(|error| escaped(&error, MAX_ERROR_BYTES).into_owned()),
                )
            };
        }
        match result {
            Ok(_) => event!(Level::INFO),
            Err(_) => event!(Level::WARN),
        }
    }
}

/// Returns the outcome, the reason and the error of a conclusion.
fn summary(conclusion: &Conclusion) -> (&'static str, Option<&'static str>, Option<&str>) {
    match conclusion {
        Conclusion::Found { .. } => ("found", None, None),
        Conclusion::NotFound { reason, .. } => ("not_found", Some(reason), None),
        Conclusion::Error { error } => ("error", None, Some(error)),
        _ => ("other", None, None),
    }
}

/// Logs how many refused requests were suppressed.
pub(crate) fn log_suppressed(suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::explain",
        outcome = "refused",
        suppressed = suppressed.count,
        window_ms = as_ms(suppressed.window),
        "more requests were refused",
    );
}
