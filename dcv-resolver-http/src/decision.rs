//! What was asked and what was decided, as the one log event that every
//! request leaves.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use dcv_resolver_core::{Host, Resolution};
use tokio::time::Instant;
use tracing::{Level, field};

use crate::ResolveQuery;
use crate::durations::{as_ms, as_us};
use crate::problem::Problem;
use crate::shown_address::ShownAddress;
use crate::trace_context::TraceParent;
use dcv_resolver_core::escape::escaped;

/// A request, before its query is read.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) request_id: &'a HeaderValue,
    /// Who asks, where the server tells it.
    pub(crate) caller: Option<IpAddr>,
    /// When the request arrived.
    pub(crate) started: Instant,
}

/// What was asked, and what was decided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision<'a> {
    pub(crate) asked: &'a Asked<'a>,
    /// The store that decided or was being asked; all where none was.
    pub(crate) store: &'a str,
    /// `None` where the request was not or could not be read.
    pub(crate) query: Option<&'a ResolveQuery<'a>>,
    /// How old the record is that decided, where it is from before its store
    /// failed.
    pub(crate) stale_age: Option<Duration>,
    /// `None` where the caller went away before.
    pub(crate) result: Option<Result<&'a Resolution, &'a Problem>>,
    /// The time it took.
    pub(crate) elapsed: Duration,
}

/// What became of a request, in a word for log and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Found,
    NotFound,
    Malformed,
    Refused,
    Error,
    Abandoned,
}

impl Outcome {
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 6] = [
        Self::Found,
        Self::NotFound,
        Self::Malformed,
        Self::Refused,
        Self::Error,
        Self::Abandoned,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "miss",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Error => "error",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether it tells of the service rather than of the request, and is the
    /// same for everybody.
    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::Error)
    }
}

/// As long as an id can be, so that only one full of escapes is cut.
const MAX_FIELD_BYTES: usize = 256;
/// A chain of errors may be longer.
const MAX_ERROR_BYTES: usize = 1024;

/// An event's level is fixed where it stands, hence one event for each. The
/// fields are evaluated only for a subscriber that listens.
macro_rules! event_at {
    ($level:expr, $(parent: $parent:expr,)? { $($fields:tt)* }) => {
        match $level {
            tracing::Level::ERROR => tracing::event!(target: "dcv_resolver::decision", $(parent: $parent,)? tracing::Level::ERROR, $($fields)*),
            tracing::Level::WARN => tracing::event!(target: "dcv_resolver::decision", $(parent: $parent,)? tracing::Level::WARN, $($fields)*),
            _ => tracing::event!(target: "dcv_resolver::decision", $(parent: $parent,)? tracing::Level::INFO, $($fields)*),
        }
    };
}
pub(crate) use event_at;

impl Decision<'_> {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.result {
            None => Outcome::Abandoned,
            Some(Ok(_)) => Outcome::Found,
            Some(Err(problem)) => problem.outcome(),
        }
    }

    pub(crate) fn problem(&self) -> Option<&Problem> {
        self.result.and_then(Result::err)
    }

    /// What lies beneath a problem, safe to log.
    pub(crate) fn error(&self) -> Option<String> {
        self.problem()
            .and_then(Problem::cause)
            .map(|cause| escaped(&cause, MAX_ERROR_BYTES).into_owned())
    }

    /// Leaves the event. Nothing is formatted for one that nobody wants.
    pub(crate) fn log(&self) {
        let request = self.query.map(ResolveQuery::request);
        let found = self.result.and_then(Result::ok);
        let problem = self.problem();
        let status = match self.result {
            Some(Ok(_)) => Some(StatusCode::OK),
            Some(Err(problem)) => Some(problem.status()),
            None => None,
        };
        event_at!(level(self.outcome()), {
            outcome = self.outcome().as_str(),
            reason = problem.map(Problem::reason),
            session_id = request
                .map(|request| escaped(request.session_id().as_str(), MAX_FIELD_BYTES))
                .as_deref(),
            transport = request.map(|request| request.transport().as_str()),
            client_ip = request
                .and_then(|request| request.client_ip())
                .map(|address| field::display(ShownAddress(address))),
            unusable_client_ip = self
                .query
                .and_then(ResolveQuery::unusable_client_ip)
                .map(|text| escaped(text, MAX_FIELD_BYTES))
                .as_deref(),
            destination = found.map(|found| field::display(Destination::of(found))),
            store = self.store,
            stale_ms = self.stale_age.map(as_ms),
            status = status.map(|status| status.as_u16()),
            elapsed_us = as_us(self.elapsed),
            caller = self.asked.caller.map(|address| field::display(ShownAddress(address))),
            request_id = self.asked.request_id.to_str().unwrap_or_default(),
            // In the span as well, though not for those who leave spans out.
            trace_id = TraceParent::of(&self.asked.parts.headers)
                .ok()
                .map(|parent| parent.trace_id),
            detail = problem.map(Problem::detail).as_deref(),
            error = self.error(),
        });
    }
}

/// An operator must see an `ERROR`; everything else without a destination can
/// be the caller's doing.
pub(crate) fn level(outcome: Outcome) -> Level {
    match outcome {
        Outcome::Found => Level::INFO,
        Outcome::Error => Level::ERROR,
        Outcome::NotFound | Outcome::Malformed | Outcome::Refused | Outcome::Abandoned => {
            Level::WARN
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
        let host = host.as_str();
        // Piece by piece, which takes half as long as `write!`.
        if host.contains(':') {
            f.write_str("[")?;
            f.write_str(host)?;
            f.write_str("]:")?;
        } else {
            f.write_str(host)?;
            f.write_str(":")?;
        }
        port.fmt(f)
    }
}
