//! [`Clock`], the injected clock, and [`SystemClock`]. No other file reads the
//! system's wall clock.
//!
//! The resolver's clock decides what has expired. If several resolvers share a
//! store, they see a session expire at times that differ by the skew of their
//! clocks. That is acceptable for finding a session, and it is the reason why a
//! lease is permission to renew or remove a record, not a lock.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::timestamp::Timestamp;

/// A source of the current time, such as for the expiry of sessions in the
/// [`Resolver`](crate::Resolver).
///
/// Tests inject a [`ManualClock`](crate::testing::ManualClock).
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clock"
    )]
    fn now(&self) -> Timestamp {
        let unix_ms = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis())
                .map_or(i64::MIN, |before_ms| -before_ms),
        };
        Timestamp::from_unix_ms(unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_is_past_the_year_2020() {
        let new_year: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        assert!(SystemClock.now() > new_year);
    }
}
