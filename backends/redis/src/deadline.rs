//! [`Deadline`]: until when a call waits for its reply.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;

/// How many response timeouts a command may take if it is one of very many.
const BULK_FACTOR: u32 = 10;

/// Until when a call waits for its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    response_timeout: Duration,
    factor: u32,
}

impl Deadline {
    /// Returns the deadline of a call that starts now.
    pub(crate) fn after(response_timeout: Duration) -> Self {
        Self::times(response_timeout, 1)
    }

    /// Returns the deadline of a command that starts now and is one of very many,
    /// which wait for each other.
    pub(crate) fn of_bulk(response_timeout: Duration) -> Self {
        Self::times(response_timeout, BULK_FACTOR)
    }

    fn times(response_timeout: Duration, factor: u32) -> Self {
        Self {
            at: Instant::now() + response_timeout * factor,
            response_timeout,
            factor,
        }
    }

    /// Waits for `reply` until then; `what` says what has not come.
    pub(crate) async fn limit<T>(
        self,
        what: &str,
        reply: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout_at(self.at, reply).await.unwrap_or_else(|_| {
            let response_timeout = milliseconds("response_timeout_ms", self.response_timeout);
            Err(Failure::timed_out(match self.factor {
                1 => format!("{what} within {response_timeout}"),
                factor => format!("{what} within {factor} times {response_timeout}"),
            }))
        })
    }
}

/// Names a limit as its setting.
pub(crate) fn milliseconds(setting: &str, limit: Duration) -> String {
    format!("{setting} = {}", limit.as_millis())
}
