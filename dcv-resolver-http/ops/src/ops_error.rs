//! [`OpsError`]: why a request of an operator is not answered.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dcv_resolver_authorize::AuthError;
use dcv_resolver_http::{Interrupted, Problem, ProblemDocument};

#[derive(Debug)]
pub(crate) enum OpsError {
    Auth(AuthError),
    Problem(Problem),
    /// A parameter of the query is wrong.
    Malformed {
        parameter: Cow<'static, str>,
        detail: Cow<'static, str>,
    },
}

impl OpsError {
    /// Returns whether nothing was asked: the caller is not allowed to, or too
    /// many ask.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(
            self,
            Self::Auth(AuthError::Unauthorized { .. } | AuthError::Forbidden(_))
                | Self::Problem(Problem::Overloaded)
        )
    }

    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            _ if self.is_refused() => "refused",
            Self::Problem(Problem::Malformed(_)) | Self::Malformed { .. } => "malformed",
            Self::Auth(_) | Self::Problem(_) => "failed",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Auth(error) => error.status(),
            Self::Problem(problem) => problem.status(),
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Auth(error) => error.reason(),
            Self::Problem(problem) => problem.reason(),
            Self::Malformed { .. } => "malformed_request",
        }
    }

    /// Returns the error for the log.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Auth(_) if self.is_refused() => None,
            Self::Auth(error) => Some(error.to_string().into()),
            Self::Problem(problem) => problem.cause(),
            Self::Malformed { .. } => None,
        }
    }
}

impl From<AuthError> for OpsError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<Problem> for OpsError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Interrupted> for OpsError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Problem(match interrupted {
            Interrupted::TimedOut => Problem::Timeout,
            Interrupted::Panicked(message) => Problem::Panic(message),
        })
    }
}

impl IntoResponse for OpsError {
    fn into_response(self) -> Response {
        match &self {
            Self::Malformed { parameter, detail } => {
                let mut document =
                    ProblemDocument::new(self.status(), self.reason(), detail.clone());
                document.parameter = Some(parameter.clone().into_owned());
                document
            }
            Self::Problem(problem) => ProblemDocument::from(problem),
            Self::Auth(error) => return error.clone().into_response(),
        }
        .into_response()
    }
}
