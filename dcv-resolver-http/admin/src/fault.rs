//! [`Fault`]: why the admin API did not do what it was asked.

use std::borrow::Cow;

use axum::http::header::{ALLOW, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::{
    LeaseToken, ListError, RegisterError, RenewError, StoreError, StoreErrorKind,
};

use super::action::{Action, Resource};
use super::lease_token::insert_lease_token;
use crate::store_failure::StoreFailure;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::{MAX_URI_BYTES, ProblemDocument};

/// The most that a body may have: room for a record with hundreds of labels.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

pub(crate) const INTERNAL: &str =
    "internal error; see the resolver's log for the x-request-id of this response";

/// A mistake of the client's, told in one sentence.
const MAX_DETAIL_BYTES: usize = 1024;

/// Why a request was not done. Becomes a problem document.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no token, or none that is good.
    Unauthorized,
    /// The token is for reading.
    ReadOnly,
    NoSuchPath,
    MethodNotAllowed {
        allow: String,
    },
    /// The request itself is at fault, in this part of it.
    Malformed {
        parameter: Cow<'static, str>,
        detail: String,
    },
    /// The body did not come within the time budget.
    BodyTimeout,
    BodyTooLong,
    NotJson,
    /// The store holds no such session.
    NoSuchSession,
    /// The store holds no such session under this lease token.
    NoSuchLease,
    AlreadyExists,
    LeaseLost,
    /// There are no random bytes for a lease token.
    NoRandomness(getrandom::Error),
    UriTooLong,
    /// The store failed, hung or panicked.
    Store(StoreFailure),
    /// The same in the middle of a change, under this token if it was minted
    /// here: without it, nobody could repeat the change or take it back.
    Unknown {
        failure: StoreFailure,
        minted: Option<LeaseToken>,
    },
}

/// What a registry returns in place of a result: an answer to the client, or a
/// failure of the store.
#[derive(Debug)]
pub(super) enum RegistryFailure {
    Answer(Fault),
    Store(StoreError),
}

impl From<StoreError> for RegistryFailure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RegisterError> for RegistryFailure {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::AlreadyExists => Self::Answer(Fault::AlreadyExists),
            RegisterError::Store(error) => Self::Store(error),
            error => Self::Store(other(error)),
        }
    }
}

impl From<RenewError> for RegistryFailure {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::LeaseLost => Self::Answer(Fault::LeaseLost),
            RenewError::Store(error) => Self::Store(error),
            error => Self::Store(other(error)),
        }
    }
}

impl From<ListError> for RegistryFailure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::InvalidPageToken { .. } => Self::Answer(Fault::malformed(
                "page",
                "page is not what the next_page of another page says, or is no longer good; begin again with the first page",
            )),
            ListError::Store(error) => Self::Store(error),
            error => Self::Store(other(error)),
        }
    }
}

/// An error that this version does not know.
fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new("registry", StoreErrorKind::Other).with_source(error)
}

impl Fault {
    pub(super) fn malformed(
        parameter: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self::Malformed {
            parameter: parameter.into(),
            detail: detail.into(),
        }
    }

    /// The store could not do `action`.
    pub(super) fn of(action: Action, failure: StoreFailure) -> Self {
        if action.is_change() {
            Self::Unknown {
                failure,
                minted: None,
            }
        } else {
            Self::Store(failure)
        }
    }

    /// Adds a token that was minted for the request.
    pub(super) fn with_minted(self, minted: Option<LeaseToken>) -> Self {
        match self {
            Self::Unknown { failure, .. } => Self::Unknown { failure, minted },
            other => other,
        }
    }

    pub(super) fn not_allowed(resource: Resource<'_>) -> Self {
        Self::MethodNotAllowed {
            allow: resource.allow(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchSession | Self::NoSuchLease => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::AlreadyExists | Self::LeaseLost => StatusCode::CONFLICT,
            Self::NoRandomness(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Store(failure) | Self::Unknown { failure, .. } => failure.status(),
        }
    }

    /// A stable word for programs.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::ReadOnly => "read_only_token",
            Self::NoSuchPath => "no_such_path",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::Malformed { .. } => "malformed_request",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLong => "body_too_long",
            Self::NotJson => "not_json",
            Self::NoSuchSession => "unknown",
            Self::NoSuchLease => "no_such_lease",
            Self::AlreadyExists => "already_exists",
            Self::LeaseLost => "lease_lost",
            Self::NoRandomness(_) => "internal_error",
            Self::UriTooLong => "uri_too_long",
            Self::Store(failure) | Self::Unknown { failure, .. } => failure.reason(),
        }
    }

    /// A sentence for people, safe to send.
    pub(super) fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Unauthorized => {
                "send a token of the token file, as 'Authorization: Bearer TOKEN'".into()
            }
            Self::ReadOnly => "this token may look at sessions; changing them takes a read-write token".into(),
            Self::NoSuchPath => "there is nothing at this path; /v1/openapi.json tells what there is".into(),
            Self::MethodNotAllowed { allow } => format!("this path takes {allow}").into(),
            Self::Malformed { detail, .. } => escaped(detail, MAX_DETAIL_BYTES).into_owned().into(),
            Self::BodyTimeout => "the body did not arrive in time".into(),
            Self::BodyTooLong => {
                format!("the body must not be longer than {MAX_BODY_BYTES} bytes").into()
            }
            Self::NotJson => {
                "the body must be JSON, uncompressed, with 'Content-Type: application/json'".into()
            }
            Self::NoSuchSession => "there is no session of this id".into(),
            Self::NoSuchLease => "there is no session of this id under this lease token: it is absent, or registered under another token".into(),
            Self::AlreadyExists => "a live session of this id is registered under another lease token".into(),
            Self::LeaseLost => "there is no live session of this id under this lease token: it expired, was removed, or is registered under another token; register it again".into(),
            Self::NoRandomness(_) => INTERNAL.into(),
            Self::UriTooLong => format!("the URI must not be longer than {MAX_URI_BYTES} bytes").into(),
            Self::Store(failure) => failure.detail().into(),
            Self::Unknown { failure, .. } => format!(
                "{}; it is unknown whether the change was made, and harmless to repeat it with the same lease token",
                failure.detail(),
            )
            .into(),
        }
    }

    /// What lies beneath, for the log alone.
    pub(super) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::NoRandomness(error) => {
                Some(format!("the system has no random bytes: {error}").into())
            }
            Self::Store(failure) | Self::Unknown { failure, .. } => failure.cause(),
            _ => None,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut document = ProblemDocument::new(self.status(), self.reason(), self.detail());
        if let Self::Malformed { parameter, .. } = &self {
            document.parameter = Some(parameter.clone().into_owned());
        }
        let mut response = document.into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::MethodNotAllowed { allow } => {
                // The names of methods can stand in a header.
                if let Ok(allow) = HeaderValue::try_from(allow) {
                    headers.insert(ALLOW, allow);
                }
            }
            Self::Unknown {
                minted: Some(minted),
                ..
            } => insert_lease_token(headers, &minted),
            _ => {}
        }
        response
    }
}
