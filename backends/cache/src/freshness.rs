//! [`Freshness`]: whether an entry may be served.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, Expiry, SessionRecord, Timestamp};
use tokio::time::Instant;

use crate::config::CacheConfig;
use crate::entries::Entry;
use crate::epochs::Epochs;
use crate::source_state::{SourceState, SourceStatus};
use crate::sync::atomic::{AtomicI64, Ordering};

/// Decides whether an entry may be served: by TTLs, or by what the change
/// source reports if there is one.
///
/// Times are nanoseconds since the cache was made, on the monotonic clock.
/// Values that change here while a lookup runs are read once, and after the
/// entry: an entry that is found fresh was looked up before it became stale.
///
/// The status of the source is read before the epoch. In the other order, an
/// entry that was loaded while the source was disconnected could pass both
/// checks: first the one of the epoch and then, if the source reported
/// everything as changed and caught up in between, the one of the status.
#[derive(Debug)]
pub(crate) struct Freshness {
    start: Instant,
    ttl_ns: u64,
    negative_ttl_ns: u64,
    max_staleness_ns: u64,
    stale_if_error_ns: u64,
    clock: Arc<dyn Clock>,
    pub(crate) epochs: Epochs,
    pub(crate) source: SourceState,
    /// Records that had expired by then may have been swept.
    swept_unix_ms: AtomicI64,
}

impl Freshness {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        Self {
            start: Instant::now(),
            ttl_ns: as_ns(config.ttl),
            negative_ttl_ns: as_ns(config.negative_ttl),
            max_staleness_ns: as_ns(config.max_staleness),
            stale_if_error_ns: as_ns(config.stale_if_error),
            clock: Arc::clone(&config.clock),
            epochs: Epochs::default(),
            source: SourceState::new(),
            swept_unix_ms: AtomicI64::new(i64::MIN),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        as_ns(self.start.elapsed())
    }

    /// Converts an instant; one in the future counts as now.
    pub(crate) fn past_ns(&self, instant: std::time::Instant) -> u64 {
        let since_start = instant.saturating_duration_since(self.start.into_std());
        as_ns(since_start).min(self.now_ns())
    }

    pub(crate) fn entry(&self, found: Option<SessionRecord>, began_ns: u64) -> Entry {
        Entry {
            loaded_expired: found.as_ref().is_some_and(|record| self.is_expired(record)),
            epoch: self.epochs.current(),
            found,
            began_ns,
        }
    }

    /// Returns whether the entry may be served without calling the store.
    pub(crate) fn is_fresh(&self, entry: &Entry, now_ns: u64) -> bool {
        let is_recent = match self.source.status() {
            SourceStatus::NotReporting => {
                now_ns < entry.began_ns.saturating_add(self.ttl_ns_of(entry))
            }
            SourceStatus::Disconnected => false,
            SourceStatus::CaughtUp { at_ns } => {
                now_ns.saturating_sub(at_ns) <= self.max_staleness_ns
            }
        };
        is_recent && entry.epoch == self.epochs.current() && !self.may_be_swept(entry)
    }

    /// Returns whether a lookup that began at `asked_ns` may be answered with
    /// the result of a load that another lookup had begun before.
    pub(crate) fn is_recent_enough(&self, entry: &Entry, asked_ns: u64) -> bool {
        let max_age_ns = match self.source.status() {
            SourceStatus::NotReporting => self.ttl_ns_of(entry),
            SourceStatus::Disconnected | SourceStatus::CaughtUp { .. } => self.max_staleness_ns,
        };
        asked_ns <= entry.began_ns.saturating_add(max_age_ns)
    }

    /// Returns whether the entry could be served at all. A record that another
    /// cache served stale is older than it seems here.
    pub(crate) fn is_cacheable(&self, entry: &Entry) -> bool {
        let is_stale = (entry.found.as_ref()).is_some_and(|record| record.stale_age().is_some());
        !is_stale
            && (self.ttl_ns_of(entry) > 0 || self.source.status() != SourceStatus::NotReporting)
    }

    /// Returns the age of the entry if it may be served while the store fails.
    pub(crate) fn stale_age(&self, entry: &Entry, now_ns: u64) -> Option<Duration> {
        let record = entry.found.as_ref()?;
        let fresh_for_ns = match self.source.status() {
            SourceStatus::NotReporting => self.ttl_ns,
            SourceStatus::Disconnected | SourceStatus::CaughtUp { .. } => self.max_staleness_ns,
        };
        let current_at_ns = entry.began_ns.max(self.source.last_caught_up_ns());
        let age_ns = now_ns.saturating_sub(current_at_ns);
        if self.stale_if_error_ns == 0
            || entry.epoch != self.epochs.current()
            || self.may_be_swept(entry)
            || self.is_expired(record)
        {
            return None;
        }
        (age_ns <= fresh_for_ns.saturating_add(self.stale_if_error_ns))
            .then(|| Duration::from_nanos(age_ns))
    }

    /// Returns how long ago the change source was last caught up.
    pub(crate) fn caught_up_age(&self) -> Option<Duration> {
        match self.source.status() {
            SourceStatus::NotReporting | SourceStatus::Disconnected => None,
            SourceStatus::CaughtUp { at_ns } => {
                Some(Duration::from_nanos(self.now_ns().saturating_sub(at_ns)))
            }
        }
    }

    /// Records that expired sessions are being removed, as of `now`.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.swept_unix_ms
            .fetch_max(now.as_unix_ms(), Ordering::AcqRel);
    }

    /// A record that expired in the cache may have been renewed, so it is not
    /// served. One that had expired when it was loaded counts as absent.
    fn ttl_ns_of(&self, entry: &Entry) -> u64 {
        match &entry.found {
            None => self.negative_ttl_ns,
            Some(record) if !self.is_expired(record) => self.ttl_ns,
            Some(_) if entry.loaded_expired => self.negative_ttl_ns,
            Some(_) => 0,
        }
    }

    fn is_expired(&self, record: &SessionRecord) -> bool {
        // The clock need not be read for a record that never expires.
        record.expiry() != Expiry::Never && !record.is_live(self.clock.now())
    }

    fn may_be_swept(&self, entry: &Entry) -> bool {
        let Some(record) = &entry.found else {
            return false;
        };
        let swept_unix_ms = self.swept_unix_ms.load(Ordering::Acquire);
        !record.is_live(Timestamp::from_unix_ms(swept_unix_ms))
    }
}

fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::testing::session;
    use loom::thread;

    use super::*;
    use crate::sync::explore;

    fn disconnected() -> Arc<Freshness> {
        let config = CacheConfig::default().stale_if_error(Duration::from_secs(60));
        let freshness = Freshness::new(&config);
        freshness.source.disconnect();
        Arc::new(freshness)
    }

    fn entry(freshness: &Freshness) -> Entry {
        freshness.entry(Some(session("console")), freshness.now_ns())
    }

    /// What `AllChanged` and `CaughtUp` do, on another thread.
    fn end_gap(freshness: &Arc<Freshness>, at_ns: u64) {
        let freshness = Arc::clone(freshness);
        thread::spawn(move || {
            freshness.epochs.discard();
            freshness.source.catch_up(at_ns);
        });
    }

    #[test]
    fn entry_of_a_gap_is_not_fresh_when_the_gap_ends_during_the_check() {
        explore(|| {
            let freshness = disconnected();
            let entry = entry(&freshness);
            let now_ns = freshness.now_ns();
            end_gap(&freshness, now_ns);
            assert!(!freshness.is_fresh(&entry, now_ns));
        });
    }

    #[test]
    fn stale_entry_of_a_gap_keeps_its_age_when_the_gap_ends_during_the_check() {
        explore(|| {
            let freshness = disconnected();
            let entry = entry(&freshness);
            let now_ns = freshness.now_ns() + as_ns(Duration::from_secs(3_600));
            end_gap(&freshness, now_ns);
            assert_eq!(freshness.stale_age(&entry, now_ns), None);
        });
    }
}
