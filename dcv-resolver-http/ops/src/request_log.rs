//! [`RequestLog`]: the log event of one request for explanations, sessions or
//! decisions.

use std::net::{IpAddr, SocketAddr};

use axum::http::StatusCode;
use dcv_resolver_authorize::Principal;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{Conclusion, ResolveRequest};
use dcv_resolver_http::RequestId;
use dcv_resolver_log_throttle::Suppressed;
use tokio::time::Instant;
use tracing::{Level, field};

use crate::durations::{as_ms, as_us};
use crate::ops_error::OpsError;

const MAX_FIELD_BYTES: usize = 256;
const MAX_ERROR_BYTES: usize = 1024;

/// The fields of the log event of one request, as far as they are known.
#[derive(Debug)]
pub(crate) struct RequestLog {
    path: &'static str,
    request_id: RequestId,
    started: Instant,
    caller: Option<IpAddr>,
    pub(crate) principal: Option<Principal>,
    /// The request that is to be explained.
    pub(crate) explained: Option<ResolveRequest>,
    /// The conclusion of its explanation.
    pub(crate) conclusion: Option<Conclusion>,
}

impl RequestLog {
    /// Begins the log of a request that has just arrived.
    pub(crate) fn new(path: &'static str, request_id: RequestId, peer: Option<SocketAddr>) -> Self {
        Self {
            path,
            request_id,
            started: Instant::now(),
            caller: peer.map(|peer| peer.ip().to_canonical()),
            principal: None,
            explained: None,
            conclusion: None,
        }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Logs the explanation, if the request is for one.
    pub(crate) fn log_conclusion(&self) {
        let (outcome, reason, error) = match &self.conclusion {
            None => return,
            Some(Conclusion::Found { .. }) => ("found", None, None),
            Some(Conclusion::NotFound { reason, .. }) => ("not_found", Some(*reason), None),
            Some(Conclusion::Error { error }) => ("error", None, Some(&**error)),
            Some(_) => ("other", None, None),
        };
        self.log(outcome, reason, StatusCode::OK, error);
    }

    /// Logs why the request is not answered.
    pub(crate) fn log_error(&self, error: &OpsError) {
        let cause = error.cause();
        self.log(
            error.outcome(),
            Some(error.reason()),
            error.status(),
            cause.as_deref(),
        );
    }

    fn log(
        &self,
        outcome: &'static str,
        reason: Option<&'static str>,
        status: StatusCode,
        error: Option<&str>,
    ) {
        let explained = self.explained.as_ref();
        // The level of a tracing event is a constant.
        macro_rules! event {
            ($level:expr) => {
                tracing::event!(
                    target: "dcv_resolver::operators",
                    $level,
                    path = self.path,
                    outcome,
                    reason,
                    session_id = explained
                        .map(|request| escaped(request.session_id().as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    transport = explained.map(|request| request.transport().as_str()),
                    client_ip = explained
                        .and_then(ResolveRequest::client_ip)
                        .map(field::display::<IpAddr>),
                    principal = self
                        .principal
                        .as_ref()
                        .map(|principal| escaped(&principal.name, MAX_FIELD_BYTES))
                        .as_deref(),
                    caller = self.caller.map(field::display),
                    status = status.as_u16(),
                    elapsed_us = as_us(self.started.elapsed()),
                    request_id = self.request_id.as_str(),
                    error = error.map(|error| escaped(error, MAX_ERROR_BYTES)).as_deref(),
                )
            };
        }
        if status.is_success() {
            event!(Level::INFO);
        } else {
            event!(Level::WARN);
        }
    }
}

/// What requests that fail alike have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RequestFailure {
    path: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

impl RequestFailure {
    pub(crate) fn new(path: &'static str, error: &OpsError) -> Self {
        Self {
            path,
            outcome: error.outcome(),
            reason: error.reason(),
        }
    }
}

/// Logs how many requests that failed alike were suppressed.
pub(crate) fn log_suppressed(failure: &RequestFailure, suppressed: Suppressed) {
    tracing::warn!(
        target: "dcv_resolver::operators",
        path = failure.path,
        outcome = failure.outcome,
        reason = failure.reason,
        suppressed = suppressed.count,
        window_ms = as_ms(suppressed.window),
        "similar requests suppressed",
    );
}
