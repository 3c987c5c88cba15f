//! [`InFlightLimit`]: the limit on requests that are decided at the same time.

use std::sync::Weak;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Limits the requests that are decided at the same time.
///
/// A request counts from its admission until its answer is decided, and not
/// while its body is read to the end: a client that sends its body slowly holds
/// no permit.
#[derive(Debug)]
pub(crate) struct InFlightLimit {
    permits: Semaphore,
    max: usize,
}

impl InFlightLimit {
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

    fn count(&self) -> usize {
        self.max - self.permits.available_permits()
    }
}

/// The number of requests that a [`ResolveService`](crate::ResolveService) is
/// deciding. This handle does not keep the service alive.
#[derive(Debug, Clone)]
pub struct InFlight(pub(crate) Weak<InFlightLimit>);

impl InFlight {
    /// Returns how many requests are being decided, or `None` if the service
    /// has been dropped.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.0.upgrade().map(|limit| limit.count())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn requests_beyond_the_limit_are_not_admitted() {
        let in_flight = InFlightLimit::new(2);
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
    fn requests_are_counted_until_the_service_is_dropped() {
        let limit = Arc::new(InFlightLimit::new(3));
        let in_flight = InFlight(Arc::downgrade(&limit));
        assert_eq!(in_flight.count(), Some(0));
        let permits = [limit.try_enter(), limit.try_enter()];
        assert_eq!(in_flight.count(), Some(2));
        drop(permits);
        drop(limit);
        assert_eq!(in_flight.count(), None);
    }

    #[test]
    fn at_least_one_request_is_admitted() {
        assert!(InFlightLimit::new(0).try_enter().is_some());
    }
}
