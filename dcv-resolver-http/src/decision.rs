//! The one log event that every request leaves.

use std::fmt;

use axum::http::{HeaderValue, StatusCode};
use dcv_resolver_core::{Host, Resolution};
use tokio::time::Instant;
use tracing::{Level, field};

use crate::ResolveQuery;
use crate::escape::escaped;
use crate::problem::Problem;

/// What was asked, and what was decided.
#[derive(Debug)]
pub(crate) struct Decision<'a> {
    pub(crate) request_id: &'a HeaderValue,
    pub(crate) store: &'a str,
    /// When the request arrived.
    pub(crate) started: Instant,
    /// `None` where the request could not be read.
    pub(crate) query: Option<&'a ResolveQuery<'a>>,
    /// `None` where the caller went away before.
    pub(crate) result: Option<Result<&'a Resolution, &'a Problem>>,
}

/// As long as an id can be, so that only one full of escapes is cut.
const MAX_FIELD_BYTES: usize = 256;
/// A chain of errors may be longer.
const MAX_ERROR_BYTES: usize = 1024;

impl Decision<'_> {
    /// Leaves the event. Nothing is formatted for one that nobody wants: the
    /// macro evaluates its fields only for a subscriber that listens.
    pub(crate) fn log(&self) {
        let request = self.query.map(ResolveQuery::request);
        let found = self.result.and_then(Result::ok);
        let problem = self.result.and_then(Result::err);
        let status = match self.result {
            Some(Ok(_)) => Some(StatusCode::OK),
            Some(Err(problem)) => Some(problem.status()),
            None => None,
        };
        // An event's level is fixed where it stands, hence one for each.
        macro_rules! event {
            ($level:expr, $outcome:literal) => {
                tracing::event!(
                    target: "dcv_resolver::decision",
                    $level,
                    outcome = $outcome,
                    reason = problem.map(Problem::reason),
                    session_id = request
                        .map(|request| escaped(request.session_id().as_str(), MAX_FIELD_BYTES))
                        .as_deref(),
                    transport = request.map(|request| request.transport().as_str()),
                    client_ip = request
                        .and_then(|request| request.client_ip())
                        .map(field::display),
                    unusable_client_ip = self
                        .query
                        .and_then(ResolveQuery::unusable_client_ip)
                        .map(|text| escaped(text, MAX_FIELD_BYTES))
                        .as_deref(),
                    destination = found.map(|found| field::display(Destination::of(found))),
                    store = self.store,
                    status = status.map(|status| status.as_u16()),
                    elapsed_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    request_id = self.request_id.to_str().unwrap_or_default(),
                    detail = problem.map(Problem::detail).as_deref(),
                    error = problem
                        .and_then(Problem::cause)
                        .map(|cause| escaped(&cause, MAX_ERROR_BYTES).into_owned()),
                )
            };
        }
        match self.result {
            None => event!(Level::WARN, "abandoned"),
            Some(Ok(_)) => event!(Level::INFO, "found"),
            Some(Err(Problem::Miss(_))) => event!(Level::WARN, "miss"),
            Some(Err(problem)) if problem.status().is_server_error() => {
                event!(Level::ERROR, "error");
            }
            Some(Err(_)) => event!(Level::WARN, "malformed"),
        }
    }
}

/// Displays as `host:port`, an IPv6 address in brackets.
struct Destination<'a> {
    host: &'a Host,
    port: u16,
}

impl<'a> Destination<'a> {
    fn of(found: &'a Resolution) -> Self {
        Self {
            host: found.record().host(),
            port: found.port(),
        }
    }
}

impl fmt::Display for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.as_str().contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}
