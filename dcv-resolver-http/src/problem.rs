//! [`Problem`]: why there is no destination. Only this file maps a problem to
//! its status and reason.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{NotFound, ResolveError, StoreError, StoreErrorKind};
use serde::Serialize;

use crate::decision_outcome::DecisionOutcome;
use crate::query::{InvalidQuery, MAX_QUOTED_BYTES, MAX_URI_BYTES};

/// The reason why a request got no destination.
///
/// Converts into an RFC 9457 problem document. The document contains only text
/// that is written here or comes from the client itself. The error of a store
/// is only logged: see [`cause`](Self::cause).
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The caller's network is not among the allowed ones.
    CallerNotAllowed(Option<IpAddr>),
    /// The caller exceeded its rate limit.
    RateLimited,
    /// Too many requests are being decided.
    Overloaded,
    /// The path does not end in `/resolveSession`.
    NoSuchPath,
    /// The method is not `POST`.
    MethodNotAllowed,
    /// The URI is longer than [`MAX_URI_BYTES`].
    UriTooLong,
    /// The query is not a resolve request.
    Malformed(InvalidQuery),
    /// No client can connect to the session, or this client may not.
    NotFound(NotFound),
    /// A store or a policy could not answer.
    Resolve(ResolveError),
    /// The time budget of the request ran out.
    Timeout,
    /// A store or a policy panicked, with this message.
    Panic(String),
}

/// The maximum length of a denial's text in a response, in bytes.
const MAX_DENIAL_BYTES: usize = 256;

impl Problem {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.class().0
    }

    /// Returns the machine-readable reason, as in the response.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.class().1
    }

    /// Returns the kind of the decision.
    #[must_use]
    pub fn outcome(&self) -> DecisionOutcome {
        self.class().2
    }

    // The gateway treats 404 as "no such session", and every status except 200
    // and 404 as a failed resolver: an outage must never be a 404.
    fn class(&self) -> (StatusCode, &'static str, DecisionOutcome) {
        use DecisionOutcome::{Error, Malformed, NotFound, Refused};

        let unavailable = |reason| (StatusCode::SERVICE_UNAVAILABLE, reason, Error);
        let internal_error = (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", Error);
        match self {
            Self::CallerNotAllowed(_) => (StatusCode::FORBIDDEN, "caller_not_allowed", Refused),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", Refused),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", Refused),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no_such_path", Malformed),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                Malformed,
            ),
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "uri_too_long", Malformed),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request", Malformed),
            Self::NotFound(not_found) => (StatusCode::NOT_FOUND, not_found.reason(), NotFound),
            Self::Timeout => unavailable("timeout"),
            Self::Panic(_) => internal_error,
            Self::Resolve(error) => match error.store_error().map(StoreError::kind) {
                None => unavailable("policy_unavailable"),
                // The caller need not distinguish the store's time limit from
                // the request's.
                Some(StoreErrorKind::TimedOut) => unavailable("timeout"),
                // No retry fixes damaged data.
                Some(StoreErrorKind::CorruptRecord) => internal_error,
                Some(_) => unavailable("store_unavailable"),
            },
        }
    }

    /// Returns the sentence for people, as in the response.
    #[must_use]
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::CallerNotAllowed(_) => {
                "the caller's address is not in any network that is allowed to ask this resolver"
                    .into()
            }
            Self::RateLimited => "rate limit exceeded; try again later".into(),
            Self::Overloaded => "too many concurrent requests; try again later".into(),
            Self::NoSuchPath => {
                "there is nothing at this path; send POST to a path that ends in /resolveSession"
                    .into()
            }
            Self::MethodNotAllowed => "only POST is allowed".into(),
            Self::UriTooLong => {
                format!("the URI must not be longer than {MAX_URI_BYTES} bytes").into()
            }
            Self::Malformed(error) => error.to_string().into(),
            // A policy is third-party code and may quote the client.
            Self::NotFound(NotFound::Denied { denial, .. }) => {
                escaped(&denial.to_string(), MAX_DENIAL_BYTES)
                    .into_owned()
                    .into()
            }
            Self::NotFound(not_found) => not_found.to_string().into(),
            Self::Timeout | Self::Panic(_) | Self::Resolve(_) => match self.reason() {
                "timeout" => "the session store did not answer in time; try again later",
                "policy_unavailable" => "a policy could not decide; try again later",
                "store_unavailable" => "the session store is unavailable; try again later",
                _ => "internal error; see the resolver's log for the x-request-id of this response",
            }
            .into(),
        }
    }

    /// Returns the parameter at fault, as in the response: escaped and
    /// truncated.
    #[must_use]
    pub fn parameter(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Malformed(error) => Some(escaped(error.parameter(), MAX_QUOTED_BYTES)),
            _ => None,
        }
    }

    /// Returns the error or the panic message behind the problem, with all
    /// sources. It is for the log, never for the caller.
    #[must_use]
    pub fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::CallerNotAllowed(None) => Some(
                "the server does not provide the caller's address: there is no ConnectInfo".into(),
            ),
            Self::Resolve(error) => Some(error.chain().to_string().into()),
            Self::Panic(message) => Some(format!("panicked: {message}").into()),
            _ => None,
        }
    }
}

impl From<&Problem> for ProblemDocument {
    fn from(problem: &Problem) -> Self {
        Self {
            parameter: problem.parameter().map(Cow::into_owned),
            ..Self::new(problem.status(), problem.reason(), problem.detail())
        }
    }
}

/// An RFC 9457 problem document: the body of every response that is not a
/// success.
///
/// Its `type` is omitted, which means `about:blank`: the `title` is the reason
/// phrase of the status. A 429 or 503 gets `Retry-After: 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProblemDocument {
    /// The status of the response.
    pub status: StatusCode,
    /// A stable identifier of the reason, for programs.
    pub reason: &'static str,
    /// A sentence for people that is safe to send.
    pub detail: Cow<'static, str>,
    /// The request parameter at fault.
    pub parameter: Option<String>,
}

impl ProblemDocument {
    /// Creates a document without a `parameter`.
    #[must_use]
    pub fn new(
        status: StatusCode,
        reason: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            reason,
            detail: detail.into(),
            parameter: None,
        }
    }
}

impl IntoResponse for ProblemDocument {
    #[expect(clippy::expect_used, reason = "strings and numbers serialize")]
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Members<'a> {
            title: &'a str,
            status: u16,
            detail: &'a str,
            reason: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            parameter: Option<&'a str>,
        }
        let members = Members {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            reason: self.reason,
            parameter: self.parameter.as_deref(),
        };
        let body = serde_json::to_vec(&members).expect("strings and numbers serialize");
        let content_type = [(CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, content_type, body).into_response();
        if matches!(self.status.as_u16(), 429 | 503) {
            let one_second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, one_second);
        }
        response
    }
}
