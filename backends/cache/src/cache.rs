//! [`Cache`]: entries and loads in flight, without the store.

use std::fmt;
use std::sync::Arc;

use dcv_resolver_core::{SessionId, SessionRecord, StoreError};

use crate::config::CacheConfig;
use crate::counter::Counter;
use crate::entries::{Entries, Entry};
use crate::freshness::Freshness;
use crate::in_flight::InFlight;
use crate::load::Load;
use crate::outage::Outage;
use crate::source_state::SourceStatus;
use crate::stale_events::StaleEvents;

/// What a store, its lookups, its listener and its statistics share.
pub(crate) struct Cache {
    pub(crate) entries: Entries,
    pub(crate) in_flight: InFlight,
    pub(crate) freshness: Freshness,
    pub(crate) stale: StaleEvents,
    pub(crate) outage: Outage,
    pub(crate) hits: Counter,
    pub(crate) loads: Counter,
    pub(crate) coalesced: Counter,
}

impl Cache {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        Self {
            entries: Entries::new(config.max_bytes),
            in_flight: InFlight::default(),
            freshness: Freshness::new(config),
            stale: StaleEvents::new(),
            outage: Outage::default(),
            hits: Counter::default(),
            loads: Counter::default(),
            coalesced: Counter::default(),
        }
    }

    /// Returns the content of a fresh entry; otherwise, the time at which there
    /// was none.
    pub(crate) fn get(&self, id: &SessionId) -> Result<Option<SessionRecord>, u64> {
        let entry = self.entries.get(id);
        // Read after the entry was found: the process may have been paused.
        let now_ns = self.freshness.now_ns();
        match entry {
            Some(entry) if self.freshness.is_fresh(&entry, now_ns) => {
                self.hits.add_one();
                Ok(entry.found)
            }
            _ => Err(now_ns),
        }
    }

    /// Completes `load` with what the store returned, and caches it.
    pub(crate) fn complete(
        &self,
        load: &Arc<Load>,
        result: Result<Option<SessionRecord>, StoreError>,
    ) -> Result<Entry, StoreError> {
        let found = match result {
            Ok(found) => found,
            Err(error) => {
                self.in_flight.fail(load);
                // After any other error, the store does not count as down.
                self.outage.set(error.is_retryable().then(|| error.clone()));
                return Err(error);
            }
        };
        let entry = self.freshness.entry(found, load.began_ns());
        self.in_flight.complete(load, || {
            if self.freshness.is_cacheable(&entry) {
                self.entries.insert(load.id(), entry.clone());
            } else {
                // The previous entry must no longer be served stale.
                self.entries.remove(load.id());
            }
        });
        self.stale.store_answered();
        self.outage.set(None);
        Ok(entry)
    }

    /// Returns the record to serve although the store failed with `error`,
    /// marked with its age.
    pub(crate) fn stale(&self, id: &SessionId, error: &StoreError) -> Option<SessionRecord> {
        if !error.is_retryable() {
            return None;
        }
        let entry = self.entries.get(id)?;
        let age = self.freshness.stale_age(&entry, self.freshness.now_ns())?;
        let record = entry.found?.with_stale_age(age);
        self.stale.served(age, error);
        Some(record)
    }

    /// Returns the failure of a store that is known to be down: a call has
    /// failed, none has succeeded since, and the change source is disconnected.
    /// A single failure may concern that call only.
    pub(crate) fn known_outage(&self) -> Option<StoreError> {
        if self.freshness.source.status() != SourceStatus::Disconnected {
            return None;
        }
        self.outage.failure()
    }

    /// Discards the entry of `id`, and what its loads will return.
    pub(crate) fn invalidate(&self, id: &SessionId) {
        self.in_flight.invalidate(id, || self.entries.remove(id));
    }

    /// Discards all entries, and what the loads in flight will return.
    pub(crate) fn invalidate_all(&self) {
        let epochs = &self.freshness.epochs;
        self.in_flight.invalidate_all(|| epochs.discard());
    }

    /// Discards what the loads in flight will return.
    pub(crate) fn invalidate_loads(&self) {
        self.in_flight.invalidate_all(|| {});
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entries", &self.entries.count())
            .field("bytes", &self.entries.bytes())
            .finish_non_exhaustive()
    }
}
