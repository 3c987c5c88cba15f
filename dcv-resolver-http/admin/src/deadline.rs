//! [`Deadline`]: how long a request may take.

use std::any::Any;
use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::FutureExt;
use tokio::time::Instant;

/// How long a request may take, from its arrival in the router.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    time_budget: Duration,
}

/// Why a call did not complete.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The time budget ran out.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
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
        // A panic cannot leave anything of this crate half changed. A store
        // that panics while it holds a lock of its own is responsible for that
        // lock.
        let call = AssertUnwindSafe(call).catch_unwind();
        match tokio::time::timeout(self.time_left(), call).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(panic)) => Err(Interrupted::Panicked(message(&*panic))),
            Err(_elapsed) => Err(Interrupted::TimedOut),
        }
    }
}

impl Interrupted {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Panicked(_) => "internal_error",
        }
    }

    /// Returns the message of the panic: for the log, never for the caller.
    pub(crate) fn cause(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::TimedOut => None,
            Self::Panicked(message) => Some(format!("panicked: {message}").into()),
        }
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
