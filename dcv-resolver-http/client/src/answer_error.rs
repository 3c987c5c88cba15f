//! [`AnswerError`]: why a resolver gave no answer that can be used.

use std::error::Error;
use std::fmt;

use dcv_resolver_core::escape::escaped;
use hyper::StatusCode;

use crate::problem_document::ProblemDocument;
use crate::request_error::RequestError;
use crate::violation::Violation;

/// The maximum length of a resolver's text that a message quotes, in bytes.
const MAX_QUOTED_BYTES: usize = 256;

/// An error that occurs when a resolver gives no usable answer.
///
/// The gateway counts the three cases separately: a resolver that cannot be
/// reached, a status other than 200 and 404, and a 200 that it cannot use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AnswerError {
    /// There is no response.
    Request(RequestError),
    /// The status is neither 200 nor 404, or it is a 404 with the reason
    /// `no_such_path`, with which `dcv-resolver` reports a wrong path.
    Status {
        /// The status.
        status: StatusCode,
        /// What the body says, if it is a problem document.
        problem: Option<ProblemDocument>,
    },
    /// The answer breaks these rules of the contract. There is at least one.
    Contract(Vec<Violation>),
}

impl From<RequestError> for AnswerError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Status { status, problem } => {
                write!(f, "the resolver answered with status {status}")?;
                let detail = problem.as_ref().and_then(|problem| problem.detail.as_ref());
                match detail {
                    Some(detail) => write!(f, ": {}", escaped(detail, MAX_QUOTED_BYTES)),
                    None => Ok(()),
                }
            }
            Self::Contract(violations) => {
                f.write_str("the resolver's answer breaks the contract")?;
                for (index, violation) in violations.iter().enumerate() {
                    let separator = if index == 0 { ": " } else { "; " };
                    write!(f, "{separator}{violation}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for AnswerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Displayed as the request's error, so its source comes next.
            Self::Request(error) => error.source(),
            Self::Status { .. } | Self::Contract(_) => None,
        }
    }
}
