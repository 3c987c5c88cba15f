//! [`AdminError`]: why the admin API did not carry out a request. Only this
//! file maps an error to its status and reason.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::response::{IntoResponse, Response};
use dcv_resolver_authorize::AuthError;
use dcv_resolver_core::LeaseToken;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::{Interrupted, MAX_URI_BYTES, ProblemDocument};

use crate::deadline;
use crate::lease_header;
use crate::methods::Methods;
use crate::store_failure::{INTERNAL, StoreFailure};

/// The longest body that is read: room for a record with hundreds of labels.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;

const MAX_DETAIL_BYTES: usize = 1024;
/// Limits the text of a chain of errors.
const MAX_ERROR_BYTES: usize = 1024;

/// Why a request was not carried out.
///
/// Converts into a problem document. The response carries the error in its
/// extensions for the log.
#[derive(Debug)]
pub(crate) enum AdminError {
    /// The caller may not use the API.
    Refused(AuthError),
    /// The caller may read but not write.
    ReadOnly(AuthError),
    /// Authorizing the caller took too long or panicked.
    AuthorizationFailed(Interrupted),
    /// The caller is limited to other sessions, as this sentence says.
    OutOfScope(&'static str),
    NoSuchPath,
    MethodNotAllowed(Methods),
    UriTooLong,
    /// This part of the request is invalid.
    Malformed {
        parameter: Cow<'static, str>,
        detail: String,
    },
    /// The body did not arrive within the time budget.
    BodyTimeout,
    BodyTooLong,
    NotJson,
    /// The registry has no such session.
    NoSuchSession,
    /// The registry has no such session under this lease token.
    NoSuchLease,
    AlreadyExists,
    LeaseLost,
    /// Too many listings are running.
    TooManyListings,
    /// The operating system has no random bytes for a lease token.
    NoRandomness(getrandom::Error),
    /// The registry failed to show sessions.
    Store(StoreFailure),
    /// The registry failed in the middle of a change.
    OutcomeUnknown {
        failure: StoreFailure,
        /// The lease token, if it was generated for this request: without it, the
        /// client could neither repeat the change nor undo it.
        generated: Option<LeaseToken>,
    },
    /// The registry failed in the middle of a removal without a lease token.
    RemovalUnknown(StoreFailure),
}

impl AdminError {
    pub(crate) fn malformed(
        parameter: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            parameter: parameter.into(),
            detail: detail.into(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(error) => error.status(),
            Self::ReadOnly(_) | Self::OutOfScope(_) => StatusCode::FORBIDDEN,
            Self::AuthorizationFailed(interrupted) => deadline::status(interrupted),
            Self::NoSuchPath | Self::NoSuchSession | Self::NoSuchLease => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::AlreadyExists | Self::LeaseLost => StatusCode::CONFLICT,
            Self::TooManyListings => StatusCode::TOO_MANY_REQUESTS,
            Self::NoRandomness(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(failure)
            | Self::OutcomeUnknown { failure, .. }
            | Self::RemovalUnknown(failure) => failure.status(),
        }
    }

    /// Returns the outcome of a request that got this response.
    pub(crate) fn outcome(&self) -> &'static str {
        if self.status().is_server_error() {
            "failed"
        } else {
            "refused"
        }
    }

    /// Returns the machine-readable reason.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.reason(),
            Self::ReadOnly(_) => "read_only_token",
            Self::OutOfScope(_) => "forbidden",
            Self::AuthorizationFailed(interrupted) => deadline::reason(interrupted),
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::UriTooLong => "uri_too_long",
            Self::Malformed { .. } => "malformed_request",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLong => "body_too_long",
            Self::NotJson => "not_json",
            Self::NoSuchSession => "unknown",
            Self::NoSuchLease => "no_such_lease",
            Self::AlreadyExists => "already_exists",
            Self::LeaseLost => "lease_lost",
            Self::TooManyListings => "too_many_listings",
            Self::NoRandomness(_) => "internal_error",
            Self::Store(failure)
            | Self::OutcomeUnknown { failure, .. }
            | Self::RemovalUnknown(failure) => failure.reason(),
        }
    }

    /// Returns the sentence for people, which is safe to send.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(error) | Self::ReadOnly(error) => error.to_string().into(),
            Self::OutOfScope(detail) => (*detail).into(),
            Self::AuthorizationFailed(Interrupted::TimedOut) => {
                "the caller could not be authorized in time; try again later".into()
            }
            Self::AuthorizationFailed(Interrupted::Panicked(_)) | Self::NoRandomness(_) => {
                INTERNAL.into()
            }
            Self::NoSuchPath => "there is nothing at this path; see /v1/openapi.json".into(),
            Self::MethodNotAllowed(methods) => format!("this path allows only {methods}").into(),
            Self::UriTooLong => {
                format!("the URI must not be longer than {MAX_URI_BYTES} bytes").into()
            }
            Self::Malformed { detail, .. } => escaped(detail, MAX_DETAIL_BYTES).into_owned().into(),
            Self::BodyTimeout => "the body did not arrive in time".into(),
            Self::BodyTooLong => {
                format!("the body must not be longer than {MAX_BODY_BYTES} bytes").into()
            }
            Self::NotJson => {
                "the body must be JSON, uncompressed, with 'Content-Type: application/json'".into()
            }
            Self::NoSuchSession => "there is no session with this id".into(),
            Self::NoSuchLease => "there is no session with this id and lease token: it is absent, or registered under another token".into(),
            Self::AlreadyExists => "a live session with this id is registered under another lease token".into(),
            Self::LeaseLost => "there is no live session with this id and lease token: it expired, was removed, or is registered under another token; register it again".into(),
            Self::TooManyListings => "too many listings are running; try again later".into(),
            Self::Store(failure) => failure.detail().into(),
            Self::OutcomeUnknown { failure, .. } => format!(
                "{}; the change may or may not have been made, and it is safe to repeat it with the same lease token",
                failure.detail(),
            )
            .into(),
            Self::RemovalUnknown(failure) => format!(
                "{}; the session may or may not have been removed, and it is safe to repeat the request",
                failure.detail(),
            )
            .into(),
        }
    }

    /// Returns what caused the error, with all sources: for the log, never for
    /// the caller.
    pub(crate) fn cause(&self) -> Option<String> {
        let cause = match self {
            Self::NoRandomness(error) => format!("no random bytes: {error}").into(),
            Self::AuthorizationFailed(interrupted) => deadline::cause(interrupted)?,
            Self::Store(failure)
            | Self::OutcomeUnknown { failure, .. }
            | Self::RemovalUnknown(failure) => failure.cause()?,
            _ => return None,
        };
        Some(escaped_error(&cause))
    }
}

/// Escapes and truncates the text of an error for a field of the log.
pub(crate) fn escaped_error(text: &str) -> String {
    escaped(text, MAX_ERROR_BYTES).into_owned()
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let mut response = match &self {
            Self::Refused(error) => error.clone().into_response(),
            _ => {
                let mut document =
                    ProblemDocument::new(self.status(), self.reason(), self.detail());
                if let Self::Malformed { parameter, .. } = &self {
                    document.parameter = Some(parameter.clone().into_owned());
                }
                document.into_response()
            }
        };
        let headers = response.headers_mut();
        match &self {
            Self::MethodNotAllowed(methods) => {
                headers.insert(ALLOW, methods.to_header());
            }
            Self::OutcomeUnknown {
                generated: Some(token),
                ..
            } => lease_header::insert(headers, token),
            _ => {}
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
