//! `/explain`: why a gateway is answered as it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{Conclusion, Explanation, ResolveRequest};
use tokio::time::Instant;
use tracing::{Level, field};

use super::guard::Refused;
use super::{EXPLAIN_TIME, Shared};
use crate::ResolveQuery;
use crate::answer::with_type;
use crate::durations::as_us;
use crate::guarded::guarded;
use crate::problem::Problem;
use crate::request_id::X_REQUEST_ID;
use dcv_resolver_core::escape::{escaped, escaped_lines};

pub(super) async fn explain(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, _body) = request.into_parts();
    let peer = parts.extensions.get().map(|&ConnectInfo(peer)| peer);
    let mut asked = Asked {
        request_id: shared.request_ids.of(&parts.headers),
        started: Instant::now(),
        peer,
        caller: None,
        request: None,
    };
    let result = explained(&shared, &parts, &mut asked).await;
    let result = result.and_then(|explanation| {
        let response = show(&explanation, &parts.headers)?;
        Ok((explanation, response))
    });
    let is_refused = matches!(result, Err(Fault::Refused(_)));
    if shared.refusals.is_to_be_logged(is_refused) {
        asked.log(result.as_ref().map(|(explanation, _)| explanation));
    }
    let mut response = match result {
        Ok((_, response)) => response,
        Err(fault) => fault.into_response(),
    };
    response
        .headers_mut()
        .insert(X_REQUEST_ID, asked.request_id);
    response
}

async fn explained(
    shared: &Shared,
    parts: &Parts,
    asked: &mut Asked,
) -> Result<Explanation, Fault> {
    // First of all, so that a stranger learns nothing from how it is read.
    asked.caller = Some(shared.guard.admit(&parts.headers, asked.peer)?);
    let query = ResolveQuery::parse(parts.uri.query()).map_err(Problem::Malformed)?;
    let request = asked.request.insert(query.request().clone());
    // What was found, and all else, is then told in time.
    let enough = tokio::time::sleep(EXPLAIN_TIME / 2);
    let explaining = async {
        // Never closed.
        let _permit = shared.explaining.acquire().await;
        Ok(shared.explainer.explain_until(request, enough).await)
    };
    Ok(guarded(Instant::now(), EXPLAIN_TIME, explaining).await?)
}

fn show(explanation: &Explanation, headers: &HeaderMap) -> Result<Response, Fault> {
    if wants_text(headers) {
        // Who reads it in a terminal must not be lied to by what a store says.
        let text = escaped_lines(&explanation.to_string()) + "\n";
        return Ok(with_type("text/plain; charset=utf-8", text));
    }
    let json = serde_json::to_vec(explanation).map_err(Problem::Unserialisable)?;
    Ok(with_type("application/json", json))
}

/// Whether `Accept` names `text/plain`, and not JSON. Weights are not weighed:
/// whoever wants text names it alone.
fn wants_text(headers: &HeaderMap) -> bool {
    let accepted = |wanted: &str| {
        headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|range| range.split(';').next())
            .any(|range| range.trim().eq_ignore_ascii_case(wanted))
    };
    accepted("text/plain") && !accepted("application/json")
}

/// Why nothing was explained.
enum Fault {
    Refused(Refused),
    Problem(Problem),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Fault {
    fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Problem(Problem::Malformed(_)) => "malformed",
            Self::Problem(_) => "failed",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refused) => refused.status(),
            Self::Problem(problem) => problem.status(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.reason(),
            Self::Problem(problem) => problem.reason(),
        }
    }

    fn cause(&self) -> Option<String> {
        match self {
            Self::Refused(_) => None,
            Self::Problem(problem) => problem.cause().map(Into::into),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

pub(super) fn tell_count(refused: u64) {
    tracing::warn!(
        target: "dcv_resolver::explain",
        outcome = "refused",
        refused,
        "more were refused an explanation",
    );
}

/// Who asked what, as far as it is known.
struct Asked {
    request_id: HeaderValue,
    started: Instant,
    peer: Option<SocketAddr>,
    caller: Option<Arc<str>>,
    request: Option<ResolveRequest>,
}

const MAX_FIELD_BYTES: usize = 256;
const MAX_ERROR_BYTES: usize = 1024;

impl Asked {
    fn log(&self, result: Result<&Explanation, &Fault>) {
        let request = self.request.as_ref();
        let (outcome, reason, status, error) = match result {
            Ok(explanation) => {
                let (outcome, reason, error) = of(&explanation.conclusion);
                (outcome, reason, StatusCode::OK, error.map(str::to_owned))
            }
            Err(fault) => (
                fault.outcome(),
                Some(fault.reason()),
                fault.status(),
                fault.cause(),
            ),
        };
        // An event's level is fixed where it stands, hence one for each.
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
                    caller = self
                        .caller
                        .as_ref()
                        .map(|caller| escaped(caller, MAX_FIELD_BYTES))
                        .as_deref(),
                    peer = self.peer.map(field::display),
                    status = status.as_u16(),
                    elapsed_us = as_us(self.started.elapsed()),
                    request_id = self.request_id.to_str().unwrap_or_default(),
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

/// The outcome, the reason and the error of a conclusion.
fn of(conclusion: &Conclusion) -> (&'static str, Option<&'static str>, Option<&str>) {
    match conclusion {
        Conclusion::Found { .. } => ("found", None, None),
        Conclusion::NotFound { reason, .. } => ("miss", Some(reason), None),
        Conclusion::Error { error } => ("error", None, Some(error)),
        _ => ("other", None, None),
    }
}
