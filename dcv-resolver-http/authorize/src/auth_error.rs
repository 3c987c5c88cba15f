//! [`AuthError`]: why a request is not authorized.

use std::borrow::Cow;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dcv_resolver_http::ProblemDocument;

/// An error that occurs when a request is not authorized. Its message is sent
/// to the caller and logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// There is no credential, or no valid one: 401.
    #[error("{detail}")]
    Unauthorized {
        /// The reason, as a sentence.
        detail: Cow<'static, str>,
        /// The value of `WWW-Authenticate`, such as `Bearer` or `Basic
        /// realm="sessions"`: how to send a credential.
        challenge: HeaderValue,
    },
    /// The caller may not do this: 403.
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    /// It is unknown whether the caller may do this, because an identity
    /// provider failed: 503.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
}

impl AuthError {
    /// Creates an [`Unauthorized`](Self::Unauthorized) that asks for a bearer
    /// token.
    #[must_use]
    pub fn bearer(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unauthorized {
            detail: detail.into(),
            challenge: HeaderValue::from_static("Bearer"),
        }
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized { .. } => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the machine-readable reason, as in the response.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Unavailable(_) => "auth_unavailable",
        }
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let document = ProblemDocument::new(self.status(), self.reason(), self.to_string());
        let mut response = document.into_response();
        if let Self::Unauthorized { challenge, .. } = self {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
