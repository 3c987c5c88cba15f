//! [`Problem`]: why there is no destination, as the gateway is told. The one
//! file that knows which status stands for what.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::http::header::{ALLOW, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{NotFound, StoreError, StoreErrorKind};
use serde::Serialize;

use crate::answer::with_type;
use crate::decision::Outcome;
use crate::exchange::MAX_URI_BYTES;
use crate::query::{InvalidQuery, MAX_QUOTED_BYTES};
use dcv_resolver_core::escape::escaped;

/// Why a request gets no destination.
///
/// Becomes an RFC 9457 problem document. What the document says is written
/// here or comes from the client itself; what a store says goes to the log
/// alone, see [`cause`](Self::cause).
#[derive(Debug)]
pub(crate) enum Problem {
    CallerNotAllowed(Option<IpAddr>),
    #[cfg(feature = "rate-limit")]
    RateLimited,
    Overloaded,
    NoSuchPath,
    MethodNotAllowed,
    UriTooLong,
    Malformed(InvalidQuery),
    NotFound(NotFound),
    Store(StoreError),
    Timeout,
    /// The store panicked, with these words.
    Panic(String),
    Unserialisable(serde_json::Error),
}

/// A sentence.
const MAX_DENIAL_BYTES: usize = 256;

impl Problem {
    /// The gateway counts 404 as "no such session" and everything but 200 and
    /// 404 as a failed resolver: an outage must never be a 404.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::CallerNotAllowed(_) => StatusCode::FORBIDDEN,
            #[cfg(feature = "rate-limit")]
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::NoSuchPath | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) if !is_defect(error.kind()) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout | Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Panic(_) | Self::Unserialisable(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// What became of the request, for log and metrics.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::NotFound(_) => Outcome::NotFound,
            Self::CallerNotAllowed(_) | Self::Overloaded => Outcome::Refused,
            #[cfg(feature = "rate-limit")]
            Self::RateLimited => Outcome::Refused,
            Self::NoSuchPath | Self::MethodNotAllowed | Self::UriTooLong | Self::Malformed(_) => {
                Outcome::Malformed
            }
            Self::Store(_) | Self::Timeout | Self::Panic(_) | Self::Unserialisable(_) => {
                Outcome::Error
            }
        }
    }

    /// Whether it is this caller who is refused, and not another one.
    pub(crate) fn is_about_the_caller(&self) -> bool {
        match self {
            Self::CallerNotAllowed(_) => true,
            #[cfg(feature = "rate-limit")]
            Self::RateLimited => true,
            _ => false,
        }
    }

    /// A stable word for programs.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::CallerNotAllowed(_) => "caller_not_allowed",
            #[cfg(feature = "rate-limit")]
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::UriTooLong => "uri_too_long",
            Self::Malformed(_) => "malformed_request",
            Self::NotFound(miss) => miss.reason(),
            Self::Timeout => "timeout",
            Self::Store(error) if is_late(error) => "timeout",
            Self::Store(error) if !is_defect(error.kind()) => "store_unavailable",
            Self::Store(_) | Self::Panic(_) | Self::Unserialisable(_) => "internal_error",
        }
    }

    /// A sentence for people, safe to send.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::CallerNotAllowed(_) => {
                "the caller's address is in none of the networks that may ask this resolver".into()
            }
            #[cfg(feature = "rate-limit")]
            Self::RateLimited => "the caller asks more often than it may; try again later".into(),
            Self::Overloaded => {
                "the resolver decides as many requests as it may at once; try again later".into()
            }
            Self::NoSuchPath => {
                "no session is resolved at this path; POST to /resolveSession, below any prefix"
                    .into()
            }
            Self::MethodNotAllowed => "a session is resolved with POST".into(),
            Self::UriTooLong => {
                format!("the URI must not be longer than {MAX_URI_BYTES} bytes").into()
            }
            Self::Malformed(error) => error.to_string().into(),
            // A policy is somebody else's, and may quote the client.
            Self::NotFound(NotFound::Denied { denial, .. }) => {
                escaped(&denial.to_string(), MAX_DENIAL_BYTES)
                    .into_owned()
                    .into()
            }
            Self::NotFound(miss) => miss.to_string().into(),
            Self::Timeout => LATE.into(),
            Self::Store(error) if is_late(error) => LATE.into(),
            Self::Store(error) if !is_defect(error.kind()) => {
                "the session store could not be asked; try again later".into()
            }
            Self::Store(_) | Self::Panic(_) | Self::Unserialisable(_) => {
                "the resolver failed; its log tells why, under this answer's x-request-id".into()
            }
        }
    }

    /// What lies beneath, for the log alone.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::CallerNotAllowed(None) => Some(
                "the server does not tell the caller's address: there is no ConnectInfo".into(),
            ),
            Self::Store(error) => Some(error.chain().to_string().into()),
            Self::Panic(words) => Some(format!("the store panicked: {words}").into()),
            Self::Unserialisable(error) => Some(error.to_string().into()),
            _ => None,
        }
    }

    /// The parameter at fault, escaped and cut.
    fn parameter(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Malformed(error) => Some(escaped(error.parameter(), MAX_QUOTED_BYTES)),
            _ => None,
        }
    }
}

const LATE: &str = "the session store did not answer in time; try again later";

/// Whether the store ran out of a budget of its own: to whoever asks it is all
/// one whose budget it was.
fn is_late(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::TimedOut
}

/// Whether a lookup that fails so points at a mistake in data or code, which
/// no repetition mends.
fn is_defect(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::CorruptRecord)
}

/// The members of a problem document. `type` is left out, which stands for
/// `about:blank`: then the title is the status phrase.
#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    detail: Cow<'a, str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<Cow<'a, str>>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = document(status, self.reason(), self.detail(), self.parameter());
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

/// A problem document as an answer. What goes in is safe to send.
pub(crate) fn document(
    status: StatusCode,
    reason: &str,
    detail: Cow<'_, str>,
    parameter: Option<Cow<'_, str>>,
) -> Response {
    let document = Document {
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail,
        reason,
        parameter,
    };
    // Text and a number always serialise.
    let body = serde_json::to_vec(&document).unwrap_or_default();

    let mut response = with_type("application/problem+json", body);
    *response.status_mut() = status;
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
