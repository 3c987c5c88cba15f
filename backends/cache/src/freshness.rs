//! [`Freshness`]: whether what is kept may be served.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use dcv_resolver_core::{Clock, Expiry, SessionId, SessionRecord, Timestamp};
use tokio::time::Instant;

use crate::CacheConfig;
use crate::entries::{Entry, bytes_of};

/// Decides by lifetimes, until a driver confirms that the cache is current;
/// from then on by what it confirms, unless it says that it does not tell.
///
/// Moments are nanoseconds since the cache was made, on the monotonic clock.
/// What changes here while somebody looks is read once, each, and after the
/// entry: whoever finds an entry good had it before it became bad.
#[derive(Debug)]
pub(crate) struct Freshness {
    start: Instant,
    hit_lifetime_ns: u64,
    miss_lifetime_ns: u64,
    staleness_bound_ns: u64,
    stale_for_ns: u64,
    clock: Arc<dyn Clock>,
    /// Counts what makes everything void that was kept before.
    epoch: AtomicU64,
    /// Entries from before this epoch are not even served stale.
    bearable_epoch: AtomicU64,
    /// What the driver last confirmed, or one of the two below.
    confirmed_ns: AtomicU64,
    /// The same, but it stays when the driver loses track; 0 for never.
    last_confirmed_ns: AtomicU64,
    /// Records that had expired by then may have been swept.
    swept_unix_ms: AtomicI64,
}

/// There is no driver, it has confirmed nothing yet, or it does not tell.
const UNDRIVEN: u64 = u64::MAX;
/// The driver has lost track.
const LOST: u64 = u64::MAX - 1;

impl Freshness {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        Self {
            start: Instant::now(),
            hit_lifetime_ns: as_ns(config.ttl),
            miss_lifetime_ns: as_ns(config.negative_ttl),
            staleness_bound_ns: as_ns(config.max_staleness),
            stale_for_ns: as_ns(config.stale_if_error),
            clock: Arc::clone(&config.clock),
            epoch: AtomicU64::new(0),
            bearable_epoch: AtomicU64::new(0),
            confirmed_ns: AtomicU64::new(UNDRIVEN),
            last_confirmed_ns: AtomicU64::new(0),
            swept_unix_ms: AtomicI64::new(i64::MIN),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        as_ns(self.start.elapsed())
    }

    pub(crate) fn entry(
        &self,
        id: &SessionId,
        answer: Option<SessionRecord>,
        began_ns: u64,
    ) -> Entry {
        Entry {
            bytes: bytes_of(id, answer.as_ref()),
            came_expired: answer.as_ref().is_some_and(|record| self.is_past(record)),
            epoch: self.epoch.load(Ordering::Acquire),
            answer,
            began_ns,
        }
    }

    /// Whether the entry may be served instead of asking the store.
    pub(crate) fn is_fresh(&self, entry: &Entry, now_ns: u64) -> bool {
        if entry.epoch != self.epoch.load(Ordering::Acquire) || self.may_be_swept(entry) {
            return false;
        }
        match self.confirmed_ns.load(Ordering::Acquire) {
            UNDRIVEN => now_ns < entry.began_ns.saturating_add(self.lifetime_ns(entry)),
            LOST => false,
            confirmed_ns => now_ns.saturating_sub(confirmed_ns) <= self.staleness_bound_ns,
        }
    }

    /// Whether somebody who asked at `asked_ns` may be told what a call brought
    /// that others had begun before.
    pub(crate) fn suits(&self, entry: &Entry, asked_ns: u64) -> bool {
        let oldest_ns = match self.confirmed_ns.load(Ordering::Acquire) {
            UNDRIVEN => self.lifetime_ns(entry),
            _ => self.staleness_bound_ns,
        };
        asked_ns <= entry.began_ns.saturating_add(oldest_ns)
    }

    /// Whether the entry could ever be served. What another cache brought in
    /// place of its store is older than it seems here.
    pub(crate) fn is_worth_keeping(&self, entry: &Entry) -> bool {
        let came_stale = (entry.answer.as_ref()).is_some_and(|record| record.stale_age().is_some());
        !came_stale
            && (self.lifetime_ns(entry) > 0
                || self.confirmed_ns.load(Ordering::Acquire) != UNDRIVEN)
    }

    /// While the store fails: how old the record may be, if it may be served
    /// nevertheless.
    pub(crate) fn stale_age(&self, entry: &Entry, now_ns: u64) -> Option<Duration> {
        let record = entry.answer.as_ref()?;
        if self.stale_for_ns == 0
            || entry.epoch < self.bearable_epoch.load(Ordering::Acquire)
            || self.may_be_swept(entry)
            || self.is_past(record)
        {
            return None;
        }
        let fresh_for_ns = match self.confirmed_ns.load(Ordering::Acquire) {
            UNDRIVEN => self.hit_lifetime_ns,
            _ => self.staleness_bound_ns,
        };
        let last_confirmed_ns = self.last_confirmed_ns.load(Ordering::Acquire);
        let known_ns = entry.began_ns.max(last_confirmed_ns);
        let age_ns = now_ns.saturating_sub(known_ns);
        (age_ns <= fresh_for_ns.saturating_add(self.stale_for_ns))
            .then(|| Duration::from_nanos(age_ns))
    }

    /// A record that was live when it came, and is not any more, may have been
    /// renewed meanwhile: it does not count as kept. One that came expired is
    /// as good as none.
    fn lifetime_ns(&self, entry: &Entry) -> u64 {
        match &entry.answer {
            None => self.miss_lifetime_ns,
            Some(record) if !self.is_past(record) => self.hit_lifetime_ns,
            Some(_) if entry.came_expired => self.miss_lifetime_ns,
            Some(_) => 0,
        }
    }

    fn is_past(&self, record: &SessionRecord) -> bool {
        // The clock need not be read for a record that never expires.
        record.expiry() != Expiry::Never && !record.is_live(self.clock.now())
    }

    fn may_be_swept(&self, entry: &Entry) -> bool {
        let Some(record) = &entry.answer else {
            return false;
        };
        let swept_unix_ms = self.swept_unix_ms.load(Ordering::Acquire);
        !record.is_live(Timestamp::from_unix_ms(swept_unix_ms))
    }

    /// Everything that is kept is void; `bearable` when it may still be served
    /// stale.
    pub(crate) fn begin_epoch(&self, bearable: bool) {
        let before = self.epoch.fetch_add(1, Ordering::AcqRel);
        if !bearable {
            self.bearable_epoch.store(before + 1, Ordering::Release);
        }
    }

    pub(crate) fn is_driven(&self) -> bool {
        self.confirmed_ns.load(Ordering::Acquire) != UNDRIVEN
    }

    pub(crate) fn go_by_lifetimes(&self) {
        self.confirmed_ns.store(UNDRIVEN, Ordering::Release);
    }

    pub(crate) fn lose(&self) {
        self.confirmed_ns.store(LOST, Ordering::Release);
    }

    /// Takes what the driver confirms, one call at a time.
    pub(crate) fn confirm(&self, moment: std::time::Instant) {
        let since_start = moment.saturating_duration_since(self.start.into_std());
        // What has not come yet cannot be confirmed.
        let moment_ns = as_ns(since_start).min(self.now_ns());
        let last_ns = self.last_confirmed_ns.load(Ordering::Acquire);
        let confirmed_ns = moment_ns.max(last_ns);
        self.last_confirmed_ns
            .store(confirmed_ns, Ordering::Release);
        self.confirmed_ns.store(confirmed_ns, Ordering::Release);
    }

    /// How long ago what the driver last confirmed is; `None` without one, and
    /// while it has lost track.
    pub(crate) fn confirmed_age(&self) -> Option<Duration> {
        match self.confirmed_ns.load(Ordering::Acquire) {
            UNDRIVEN | LOST => None,
            confirmed_ns => Some(Duration::from_nanos(
                self.now_ns().saturating_sub(confirmed_ns),
            )),
        }
    }

    pub(crate) fn sweep(&self, now: Timestamp) {
        self.swept_unix_ms
            .fetch_max(now.as_unix_ms(), Ordering::AcqRel);
    }
}

fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
