//! [`RateLimit`]: at most so many requests a second from one caller.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

/// How much one caller may ask; see
/// [`ResolveServiceBuilder::rate_limit`](crate::ResolveServiceBuilder::rate_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// How many requests a second, in the long run.
    pub per_second: NonZeroU32,
    /// How many at once, after a while without any.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// So many requests a second in the long run, and so many at once.
    #[must_use]
    pub const fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_second, burst }
    }
}

/// How many callers have a limit of their own: 16,384, in about 1 MB.
const MAX_CALLERS: usize = 16 * 1024;

/// How often callers that have been quiet are looked for, at the most. It
/// takes a walk over all of them.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    V4(Ipv4Addr),
    /// The first 64 bits. Who has one IPv6 address has all that share them.
    V6([u8; 8]),
    /// All whose address the server does not tell.
    Unknown,
    /// All that came when [`MAX_CALLERS`] others were there.
    Late,
}

impl Caller {
    fn of(address: Option<IpAddr>) -> Self {
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

/// Counts the requests of each caller.
pub(crate) struct CallerLimits {
    limiter: RateLimiter<Caller, Callers, SinceStart, NoOpMiddleware<Duration>>,
    /// In milliseconds since the start.
    tidied_at: AtomicU64,
}

impl CallerLimits {
    pub(crate) fn new(RateLimit { per_second, burst }: RateLimit) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            limiter: RateLimiter::new(quota, Callers::default(), SinceStart(Instant::now())),
            tidied_at: AtomicU64::new(0),
        }
    }

    /// Counts a request, and whether it is within the limit. One that is not
    /// costs its caller nothing: it can go on at its rate.
    pub(crate) fn allow(&self, caller: Option<IpAddr>) -> bool {
        if self.limiter.len() >= MAX_CALLERS {
            self.tidy();
        }
        self.limiter.check_key(&Caller::of(caller)).is_ok()
    }

    /// Forgets the callers that have been quiet for so long that they could
    /// ask as much as new ones.
    fn tidy(&self) {
        let now = u64::try_from(self.limiter.clock().now().as_millis()).unwrap_or(u64::MAX);
        let interval = TIDY_INTERVAL.as_millis() as u64;
        let is_due = |tidied_at| (now.saturating_sub(tidied_at) >= interval).then_some(now);
        if self
            .tidied_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_due)
            .is_ok()
        {
            self.limiter.retain_recent();
        }
    }
}

impl fmt::Debug for CallerLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerLimits")
            .field("callers", &self.limiter.len())
            .finish_non_exhaustive()
    }
}

/// tokio's clock, which tests can stop, as the time since the start.
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What the limiter remembers of each caller. governor's own map grows with
/// every address that knocks.
#[derive(Default)]
struct Callers(Mutex<HashMap<Caller, Nanos>>);

impl Callers {
    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Callers {
    type Key = Caller;

    fn measure_and_replace<T, F, E>(&self, caller: &Caller, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut callers = self.lock();
        let is_late = callers.len() >= MAX_CALLERS && !callers.contains_key(caller);
        let caller = if is_late { Caller::Late } else { *caller };
        let (measured, state) = measure(callers.get(&caller).copied())?;
        callers.insert(caller, state);
        Ok(measured)
    }
}

impl ShrinkableKeyedStateStore<Caller> for Callers {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().retain(|_, state| *state > drop_below);
    }

    fn len(&self) -> usize {
        self.lock().len()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
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
    async fn a_burst_is_allowed_and_then_the_rate() {
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
    async fn callers_do_not_share_a_limit_but_the_addresses_of_one_do() {
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
    async fn a_flood_of_addresses_takes_a_bounded_place_and_hurts_nobody_who_was_there() {
        let limits = limits(1, 2);
        assert_eq!(allowed(&limits, "192.0.2.1", 1), 1);
        for number in 0..MAX_CALLERS * 2 {
            allowed(&limits, &address(number), 1);
        }
        assert_eq!(limits.limiter.len(), MAX_CALLERS + 1);
        // It has its own limit still; those that came late share one.
        assert_eq!(allowed(&limits, "192.0.2.1", 9), 1);
        assert_eq!(allowed(&limits, "198.51.100.1", 9), 0);
        assert_eq!(allowed(&limits, "198.51.100.2", 9), 0);

        // The quiet ones are forgotten, and there is room again.
        pass(5_000).await;
        assert_eq!(allowed(&limits, "198.51.100.1", 9), 2);
        assert_eq!(allowed(&limits, "198.51.100.2", 9), 2);
        assert!(limits.limiter.len() < 10, "{limits:?}");
    }
}
