//! [`InFlight`]: how many requests are being decided, and no more than so many.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests that are being decided.
///
/// One is counted from the moment it is let in until its answer is decided,
/// and not while its body is read to the end: whoever sends a body slowly would
/// hold a place for nothing but the sending.
#[derive(Debug)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    max: usize,
}

/// A place among the requests in flight; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a InFlight);

impl InFlight {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            count: AtomicUsize::new(0),
            max,
        }
    }

    /// A place, or `None` at once where all are taken: whoever waited for one
    /// would only be answered too late.
    pub(crate) fn enter(&self) -> Option<Permit<'_>> {
        // Not `fetch_add`: it would count those that are turned away as well,
        // and turn away a third because of them.
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < self.max).then_some(count + 1)
            })
            .ok()
            .map(|_| Permit(self))
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_let_in_than_allowed() {
        let in_flight = InFlight::new(2);
        let first = in_flight.enter();
        let second = in_flight.enter();
        assert!(first.is_some() && second.is_some());
        assert!(in_flight.enter().is_none());
        drop(first);
        assert!(in_flight.enter().is_some());
        assert!(in_flight.enter().is_some(), "a place was not given back");
    }

    #[test]
    fn threads_that_come_and_go_never_exceed_the_limit_and_give_all_back() {
        let in_flight = InFlight::new(3);
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if let Some(permit) = in_flight.enter() {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            drop(permit);
                        }
                    }
                });
            }
        });
        assert_eq!(in_flight.count.load(Ordering::Relaxed), 0);
    }
}
