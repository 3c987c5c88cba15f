//! [`ExplainError`]: why there is no explanation.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dcv_resolver_http::{AuthError, Interrupted, Problem, ProblemDocument};

#[derive(Debug)]
pub(crate) enum ExplainError {
    Auth(AuthError),
    Problem(Problem),
}

impl ExplainError {
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
            Self::Problem(Problem::Malformed(_)) => "malformed",
            Self::Auth(_) | Self::Problem(_) => "failed",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Auth(error) => error.status(),
            Self::Problem(problem) => problem.status(),
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Auth(error) => error.reason(),
            Self::Problem(problem) => problem.reason(),
        }
    }

    /// Returns the error for the log.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Auth(_) if self.is_refused() => None,
            Self::Auth(error) => Some(error.to_string().into()),
            Self::Problem(problem) => problem.cause(),
        }
    }
}

impl From<AuthError> for ExplainError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl From<Problem> for ExplainError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Interrupted> for ExplainError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Problem(match interrupted {
            Interrupted::TimedOut => Problem::Timeout,
            Interrupted::Panicked(message) => Problem::Panic(message),
        })
    }
}

impl IntoResponse for ExplainError {
    fn into_response(self) -> Response {
        match self {
            Self::Auth(error) => error.into_response(),
            Self::Problem(problem) => ProblemDocument::from(&problem).into_response(),
        }
    }
}
