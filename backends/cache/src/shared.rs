//! [`Shared`]: the cache itself, which does not know the store.

use std::sync::{Arc, Mutex};

use dcv_resolver_core::{SessionId, SessionRecord, StoreError};

use crate::CacheConfig;
use crate::counter::Counter;
use crate::entries::{Entries, Entry};
use crate::flight::{Answer, Flight};
use crate::flights::Flights;
use crate::freshness::Freshness;
use crate::listener::Driver;
use crate::stale::StaleEvents;

/// What a store, its lookups, its listeners and its statistics share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) entries: Entries,
    pub(crate) flights: Flights,
    pub(crate) freshness: Freshness,
    pub(crate) driver: Mutex<Driver>,
    pub(crate) stale: StaleEvents,
    pub(crate) hits: Counter,
    pub(crate) calls: Counter,
    pub(crate) joins: Counter,
}

impl Shared {
    pub(crate) fn new(config: &CacheConfig) -> Self {
        Self {
            entries: Entries::new(config.max_bytes),
            flights: Flights::default(),
            freshness: Freshness::new(config),
            driver: Mutex::default(),
            stale: StaleEvents::default(),
            hits: Counter::default(),
            calls: Counter::default(),
            joins: Counter::default(),
        }
    }

    /// The answer that is kept. If there is none to serve, the moment at which
    /// that was so.
    pub(crate) fn kept(&self, id: &SessionId) -> Result<Option<SessionRecord>, u64> {
        let entry = self.entries.get(id);
        // After the entry was found, however long that took: the process may
        // have been paused.
        let now_ns = self.freshness.now_ns();
        match entry {
            Some(entry) if self.freshness.is_fresh(&entry, now_ns) => Ok(entry.answer),
            _ => Err(now_ns),
        }
    }

    /// Takes what a call has brought.
    pub(crate) fn land(&self, flight: &Arc<Flight>, answer: Answer) -> Result<Entry, StoreError> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.flights.fail(flight);
                return Err(error);
            }
        };
        let entry = self.freshness.entry(flight.id(), answer, flight.began_ns());
        self.flights.land(flight, || {
            if self.freshness.is_worth_keeping(&entry) {
                self.entries.insert(flight.id(), entry.clone());
            } else {
                // It is out of date now, also for being served stale.
                self.entries.remove(flight.id());
            }
        });
        self.stale.store_answered();
        Ok(entry)
    }

    /// What may be served although the store has failed, with its age.
    pub(crate) fn stale(&self, id: &SessionId, error: &StoreError) -> Option<SessionRecord> {
        if !error.is_retryable() {
            return None;
        }
        let entry = self.entries.get(id)?;
        let age = self.freshness.stale_age(&entry, self.freshness.now_ns())?;
        self.stale.served(age, error);
        entry.answer.map(|record| record.with_stale_age(age))
    }
}
