//! [`Turns`]: one request after the other, and few that wait.

use dcv_resolver_http::Problem;
use tokio::sync::{Semaphore, SemaphorePermit};

/// With one at a time, the other threads of the runtime are free for gateways.
const MAX_CONCURRENT: usize = 1;
/// How many more may wait for their turn.
const MAX_WAITING: usize = 7;

/// Lets one request run at a time, and a few more wait.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Held by those that run or wait.
    admitted: Semaphore,
    running: Semaphore,
}

/// The turn of a request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _admitted: SemaphorePermit<'a>,
    _running: Option<SemaphorePermit<'a>>,
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self {
            admitted: Semaphore::const_new(MAX_CONCURRENT + MAX_WAITING),
            running: Semaphore::const_new(MAX_CONCURRENT),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// [`Problem::Overloaded`], at once, when too many wait already.
    pub(crate) async fn take(&self) -> Result<Turn<'_>, Problem> {
        let Ok(admitted) = self.admitted.try_acquire() else {
            return Err(Problem::Overloaded);
        };
        Ok(Turn {
            _admitted: admitted,
            // The semaphore is never closed.
            _running: self.running.acquire().await.ok(),
        })
    }
}
