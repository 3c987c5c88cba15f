//! [`RateLimit`]: how many requests per second one caller may send.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The number of requests that one caller may send; see
/// [`ResolveServiceBuilder::rate_limit`](crate::ResolveServiceBuilder::rate_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The number of requests per second that a caller may send in the long
    /// run.
    pub per_second: NonZeroU32,
    /// The number of requests that a caller may send at once after a pause.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// Creates a limit of `per_second` requests per second in the long run and
    /// `burst` requests at once.
    #[must_use]
    pub const fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_second, burst }
    }
}

/// How many callers have a limit of their own: 16,384, in about 1 MB.
const MAX_CALLERS: usize = 16 * 1024;

/// The minimum time between two searches for idle callers, which visit every
/// caller.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

/// The callers whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    V4(Ipv4Addr),
    /// The first 64 bits: one host can use every address that shares them.
    V6([u8; 8]),
    /// Every caller whose address the server does not provide.
    Unknown,
    /// Every caller that arrived while [`MAX_CALLERS`] others were counted.
    Overflow,
}

impl Caller {
    fn new(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
            None => Self::Unknown,
        }
    }
}

/// Limits the requests of each caller by the generic cell rate algorithm. For
/// each caller it stores the moment at which the caller is within its rate
/// again.
// The crates for this keep a map that grows with every address.
#[derive(Debug)]
pub(crate) struct CallerLimits {
    interval: Duration,
    /// How far ahead of its rate a caller may be.
    tolerance: Duration,
    callers: Mutex<Callers>,
}

#[derive(Debug)]
struct Callers {
    within_rate_at: HashMap<Caller, Instant>,
    pruned_at: Instant,
}

impl CallerLimits {
    pub(crate) fn new(RateLimit { per_second, burst }: RateLimit) -> Self {
        let interval = Duration::from_secs(1) / per_second.get();
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.get() - 1),
            callers: Mutex::new(Callers {
                within_rate_at: HashMap::new(),
                pruned_at: Instant::now(),
            }),
        }
    }

    /// Counts a request and returns whether it is within the limit. A refused
    /// request does not count against its caller, which can continue at its
    /// rate.
    pub(crate) fn allow(&self, caller: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let within_rate_at = callers.entry(Caller::new(caller), now);
        let ahead = within_rate_at.saturating_duration_since(now);
        if ahead > self.tolerance {
            return false;
        }
        *within_rate_at = now + ahead + self.interval;
        true
    }
}

impl Callers {
    fn entry(&mut self, caller: Caller, now: Instant) -> &mut Instant {
        let is_full = self.within_rate_at.len() >= MAX_CALLERS;
        if is_full && now - self.pruned_at >= PRUNE_INTERVAL {
            self.pruned_at = now;
            // A caller within its rate is treated as a new one would be.
            self.within_rate_at.retain(|_, at| *at > now);
        }
        let is_full = self.within_rate_at.len() >= MAX_CALLERS;
        let caller = if is_full && !self.within_rate_at.contains_key(&caller) {
            Caller::Overflow
        } else {
            caller
        };
        self.within_rate_at.entry(caller).or_insert(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_second: u32, burst: u32) -> CallerLimits {
        CallerLimits::new(RateLimit::new(
            per_second.try_into().unwrap(),
            burst.try_into().unwrap(),
        ))
    }

    /// How many of `count` requests are within the limit.
    fn allowed(limits: &CallerLimits, caller: &str, count: usize) -> usize {
        let caller = (!caller.is_empty()).then(|| caller.parse().unwrap());
        (0..count).filter(|_| limits.allow(caller)).count()
    }

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn burst_is_allowed_and_then_the_rate() {
        let limits = limits(10, 5);
        assert_eq!(allowed(&limits, "192.0.2.1", 20), 5);
        pass(99).await;
        assert_eq!(allowed(&limits, "192.0.2.1", 1), 0);
        pass(1).await;
        assert_eq!(allowed(&limits, "192.0.2.1", 2), 1);
        pass(300).await;
        assert_eq!(allowed(&limits, "192.0.2.1", 20), 3);
        pass(3_600_000).await;
        assert_eq!(allowed(&limits, "192.0.2.1", 20), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_limit_and_addresses_of_one_network_share_it() {
        let limits = limits(1, 2);
        assert_eq!(allowed(&limits, "192.0.2.1", 9), 2);
        assert_eq!(allowed(&limits, "192.0.2.2", 9), 2);
        assert_eq!(allowed(&limits, "::ffff:192.0.2.1", 9), 0);
        assert_eq!(allowed(&limits, "2001:db8:0:7::1", 1), 1);
        assert_eq!(allowed(&limits, "2001:db8:0:7:ffff::1", 9), 1);
        assert_eq!(allowed(&limits, "2001:db8:0:8::1", 9), 2);
        assert_eq!(allowed(&limits, "", 9), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn any_rate_and_any_burst_are_possible() {
        for (per_second, burst, count) in [(1, 1, 1), (u32::MAX, u32::MAX, 50), (1, u32::MAX, 50)] {
            let limits = limits(per_second, burst);
            pass(10_000).await;
            assert_eq!(allowed(&limits, "192.0.2.1", 50), count);
        }
    }

    fn address(number: usize) -> String {
        format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff)
    }

    #[tokio::test(start_paused = true)]
    async fn flood_of_addresses_is_bounded_and_leaves_known_callers_alone() {
        let limits = limits(1, 2);
        assert_eq!(allowed(&limits, "192.0.2.1", 1), 1);
        for number in 0..MAX_CALLERS * 2 {
            allowed(&limits, &address(number), 1);
        }
        assert_eq!(
            limits.callers.lock().unwrap().within_rate_at.len(),
            MAX_CALLERS + 1
        );
        // It keeps its own limit; those that came later share one.
        assert_eq!(allowed(&limits, "192.0.2.1", 9), 1);
        assert_eq!(allowed(&limits, "198.51.100.1", 9), 0);
        assert_eq!(allowed(&limits, "198.51.100.2", 9), 0);

        // Idle callers are dropped, and there is room again.
        pass(5_000).await;
        assert_eq!(allowed(&limits, "198.51.100.1", 9), 2);
        assert_eq!(allowed(&limits, "198.51.100.2", 9), 2);
        assert!(
            limits.callers.lock().unwrap().within_rate_at.len() < 10,
            "{limits:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn caller_ahead_of_its_rate_is_not_dropped_with_the_idle_ones() {
        let limits = limits(1, 2);
        for number in 1..MAX_CALLERS {
            allowed(&limits, &address(number), 1);
        }
        assert_eq!(allowed(&limits, "192.0.2.1", 9), 2);
        pass(1_000).await;
        // Both have a limit of their own, in the places of the others.
        assert_eq!(allowed(&limits, "198.51.100.1", 9), 2);
        assert_eq!(allowed(&limits, "198.51.100.2", 9), 2);
        assert_eq!(allowed(&limits, "192.0.2.1", 9), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_callers_are_searched_for_once_a_second() {
        let limits = limits(1_000, 1);
        let flood = || {
            for number in 0..MAX_CALLERS {
                allowed(&limits, &address(number), 1);
            }
        };
        pass(1_000).await;
        flood();
        pass(1).await;
        assert_eq!(allowed(&limits, "192.0.2.1", 1), 1);
        assert_eq!(limits.callers.lock().unwrap().within_rate_at.len(), 1);
        flood();
        pass(1).await;
        // They share a limit, although all the others are idle again.
        assert_eq!(allowed(&limits, "192.0.2.2", 1), 1);
        assert_eq!(allowed(&limits, "192.0.2.3", 1), 0);
    }
}
