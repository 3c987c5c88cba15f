//! [`ExplainError`]: why nothing was explained.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_http::{AuthError, Problem, ProblemDocument};

use crate::time_limit::Interrupted;

#[derive(Debug)]
pub(crate) enum ExplainError {
    Refused(AuthError),
    Problem(Problem),
}

/// The longest name of a parameter that is sent back.
const MAX_PARAMETER_BYTES: usize = 64;

impl ExplainError {
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Problem(Problem::Malformed(_)) => "malformed",
            Self::Problem(_) => "failed",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(error) => error.status(),
            Self::Problem(problem) => problem.status(),
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.reason(),
            Self::Problem(problem) => problem.reason(),
        }
    }

    /// Returns what the log says beyond the response.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Refused(_) => None,
            Self::Problem(problem) => problem.cause(),
        }
    }
}

impl From<AuthError> for ExplainError {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
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
        let problem = match self {
            Self::Refused(error) => return error.into_response(),
            Self::Problem(problem) => problem,
        };
        let mut document =
            ProblemDocument::new(problem.status(), problem.reason(), problem.detail());
        if let Problem::Malformed(error) = &problem {
            document.parameter = Some(escaped(error.parameter(), MAX_PARAMETER_BYTES).into_owned());
        }
        document.into_response()
    }
}
