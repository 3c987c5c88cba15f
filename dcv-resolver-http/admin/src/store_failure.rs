//! [`StoreFailure`]: why a registry did not answer.

use std::borrow::Cow;
use std::error::Error;

use axum::http::StatusCode;
use dcv_resolver_core::{ListError, RegisterError, RenewError, StoreError, StoreErrorKind};
use dcv_resolver_http::Interrupted;

use crate::deadline;

/// Why a registry did not answer.
#[derive(Debug)]
pub(crate) enum StoreFailure {
    /// It returned this error.
    Error(StoreError),
    /// It did not return within the time budget, or panicked.
    Interrupted(Interrupted),
}

impl From<Interrupted> for StoreFailure {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

impl From<StoreError> for StoreFailure {
    fn from(error: StoreError) -> Self {
        Self::Error(error)
    }
}

impl From<ListError> for StoreFailure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Store(error) => Self::Error(error),
            error => Self::unknown(error),
        }
    }
}

impl From<RegisterError> for StoreFailure {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Store(error) => Self::Error(error),
            error => Self::unknown(error),
        }
    }
}

impl From<RenewError> for StoreFailure {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Store(error) => Self::Error(error),
            error => Self::unknown(error),
        }
    }
}

impl StoreFailure {
    /// A variant that a later version of core may add.
    fn unknown(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Error(StoreError::new("registry", StoreErrorKind::Other).with_source(error))
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Interrupted(interrupted) => deadline::status(interrupted),
            Self::Error(error) if is_damage(error) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Error(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Interrupted(interrupted) => deadline::reason(interrupted),
            // The caller need not know whether the store's own time limit or
            // that of the request was exceeded.
            Self::Error(error) if error.kind() == StoreErrorKind::TimedOut => "timeout",
            Self::Error(error) if is_damage(error) => "internal_error",
            Self::Error(_) => "store_unavailable",
        }
    }

    pub(crate) fn detail(&self) -> &'static str {
        match self.reason() {
            "internal_error" => INTERNAL,
            "timeout" => "the session store did not answer in time; try again later",
            _ => "the session store is unavailable; try again later",
        }
    }

    /// Returns what the store or the panic says, with all sources: for the log,
    /// never for the caller.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Error(error) => Some(error.chain().to_string().into()),
            Self::Interrupted(interrupted) => deadline::cause(interrupted),
        }
    }
}

pub(crate) const INTERNAL: &str =
    "internal error; see the resolver's log for the x-request-id of this response";

/// Returns whether the data is damaged, so that retries fail as well.
fn is_damage(error: &StoreError) -> bool {
    error.kind() == StoreErrorKind::CorruptRecord
}
