//! [`StoreFailure`]: why a registry did not answer.

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::http::StatusCode;
use dcv_resolver_core::{StoreError, StoreErrorKind};
use futures_util::FutureExt;

/// Why a registry did not answer.
#[derive(Debug)]
pub(crate) enum StoreFailure {
    /// It returned this error.
    Error(StoreError),
    /// The time budget of the request ran out.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
}

/// Returns what `call` returns, unless it panics or takes longer than
/// `time_left`.
pub(crate) async fn call_with_timeout<T>(
    time_left: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreFailure> {
    // Nothing of ours is reached through a registry and could be left half
    // changed. A store that panics while it holds a lock of its own is
    // responsible for that lock.
    let call = AssertUnwindSafe(call).catch_unwind();
    match tokio::time::timeout(time_left, call).await {
        Ok(Ok(result)) => result.map_err(StoreFailure::Error),
        Ok(Err(panic)) => Err(StoreFailure::Panicked(message(&*panic))),
        Err(_elapsed) => Err(StoreFailure::TimedOut),
    }
}

/// Returns the message of a panic: `panic!` makes one of these two types.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(message) = panic.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = panic.downcast_ref::<String>() {
        message.clone()
    } else {
        "no message".to_owned()
    }
}

impl StoreFailure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Error(error) if is_internal(error) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Error(_) | Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Panicked(_) => "internal_error",
            Self::Error(error) if error.kind() == StoreErrorKind::TimedOut => "timeout",
            Self::Error(error) if is_internal(error) => "internal_error",
            Self::Error(_) => "store_unavailable",
        }
    }

    pub(crate) fn detail(&self) -> &'static str {
        match self.reason() {
            "timeout" => "the session store did not answer in time; try again later",
            "store_unavailable" => "the session store is unavailable; try again later",
            _ => crate::fault::INTERNAL,
        }
    }

    /// Returns what the store or the panic says, with all sources: for the log,
    /// never for the caller.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Error(error) => Some(error.chain().to_string().into()),
            Self::Panicked(message) => Some(format!("panicked: {message}").into()),
            Self::TimedOut => None,
        }
    }
}

/// Returns whether the error points at a mistake in data or code, which no
/// retry mends.
fn is_internal(error: &StoreError) -> bool {
    matches!(error.kind(), StoreErrorKind::CorruptRecord)
}
