//! [`InFlight`]: the limit on requests that are decided at the same time.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Counts the requests that are being decided.
///
/// A request counts from its admission until it is decided, but not while its
/// body is read to the end: a client that sends its body slowly holds no
/// permit.
#[derive(Debug)]
pub(crate) struct InFlight {
    permits: Semaphore,
    max: usize,
}

impl InFlight {
    pub(crate) fn new(max: usize) -> Self {
        let max = max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            permits: Semaphore::new(max),
            max,
        }
    }

    /// Returns a permit, or `None` at once if there is none left: a request
    /// that waited for one would be answered too late.
    pub(crate) fn try_enter(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.try_acquire().ok()
    }

    /// Returns how many requests are being decided.
    pub(crate) fn count(&self) -> usize {
        self.max - self.permits.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_beyond_the_limit_are_not_admitted() {
        let in_flight = InFlight::new(2);
        let first = in_flight.try_enter();
        let second = in_flight.try_enter();
        assert!(first.is_some() && second.is_some());
        assert!(in_flight.try_enter().is_none());
        assert_eq!(in_flight.count(), 2);
        drop(first);
        assert!(in_flight.try_enter().is_some());
        assert_eq!(in_flight.count(), 1);
    }

    #[test]
    fn at_least_one_request_is_admitted() {
        assert!(InFlight::new(0).try_enter().is_some());
    }
}
