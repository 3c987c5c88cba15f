//! [`Deadline`]: how long a request may take.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use dcv_resolver_http::{Interrupted, call_with_deadline};
use tokio::time::Instant;

/// How long a request may take, from its arrival in the router.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    time_budget: Duration,
}

impl Deadline {
    /// Starts the time budget.
    pub(crate) fn after(time_budget: Duration) -> Self {
        Self {
            started: Instant::now(),
            time_budget,
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.time_budget.saturating_sub(self.elapsed())
    }

    /// Returns the output of `call`, unless it panics or takes longer than the
    /// time that is left.
    pub(crate) async fn call<T>(&self, call: impl Future<Output = T>) -> Result<T, Interrupted> {
        call_with_deadline(self.started, self.time_budget, call).await
    }
}

/// Returns the status of the response to a request whose call was interrupted.
pub(crate) fn status(interrupted: &Interrupted) -> StatusCode {
    match interrupted {
        Interrupted::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
        Interrupted::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns the stable word for it.
pub(crate) fn reason(interrupted: &Interrupted) -> &'static str {
    match interrupted {
        Interrupted::TimedOut => "timeout",
        Interrupted::Panicked(_) => "internal_error",
    }
}

/// Returns the message of the panic: for the log, never for the caller.
pub(crate) fn cause(interrupted: &Interrupted) -> Option<Cow<'_, str>> {
    match interrupted {
        Interrupted::TimedOut => None,
        Interrupted::Panicked(message) => Some(format!("panicked: {message}").into()),
    }
}
