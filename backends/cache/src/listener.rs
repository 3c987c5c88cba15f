//! [`Driver`]: what a driver tells the cache.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener, SessionId};

use crate::shared::Shared;

/// How far the driver is. Held while a call is carried out, so that calls from
/// several threads come one after the other; lookups do not look at it.
#[derive(Debug, Default)]
pub(crate) struct Driver {
    /// It has lost track, or does not tell, and has not said since that
    /// everything may have changed: there is nothing to confirm.
    must_begin_anew: bool,
}

impl ChangeListener for Shared {
    fn on_change(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Changed(id) => self.changed(id),
            ChangeEvent::AllChanged => self.all_changed(),
            ChangeEvent::CaughtUp(moment) => self.confirmed(moment),
            ChangeEvent::Disconnected => self.lost(),
            ChangeEvent::Unsupported => self.untold(),
            // Right for any event that this version does not know.
            _ => self.all_changed(),
        }
    }
}

impl Shared {
    pub(crate) fn changed(&self, id: &SessionId) {
        self.flights.void(id, || self.entries.remove(id));
    }

    /// Whatever the number of entries, this takes no longer: they stay where
    /// they are until they are replaced or evicted, and are not served.
    fn all_changed(&self) {
        let mut driver = self.driver();
        self.flights
            .void_all(|| self.freshness.begin_epoch(NOT_EVEN_STALE));
        driver.must_begin_anew = false;
    }

    fn confirmed(&self, moment: Instant) {
        let driver = self.driver();
        if driver.must_begin_anew {
            return;
        }
        if !self.freshness.is_driven() {
            // What was kept before may have changed untold.
            self.flights
                .void_all(|| self.freshness.begin_epoch(NOT_EVEN_STALE));
        }
        self.freshness.confirm(moment);
    }

    fn lost(&self) {
        let mut driver = self.driver();
        driver.must_begin_anew = true;
        self.freshness.lose();
        self.flights
            .void_all(|| self.freshness.begin_epoch(STILL_BEARABLE));
    }

    /// As if there had never been a driver.
    fn untold(&self) {
        let mut driver = self.driver();
        driver.must_begin_anew = true;
        self.freshness.go_by_lifetimes();
        self.flights
            .void_all(|| self.freshness.begin_epoch(NOT_EVEN_STALE));
    }
}

const NOT_EVEN_STALE: bool = false;
const STILL_BEARABLE: bool = true;

impl Shared {
    fn driver(&self) -> MutexGuard<'_, Driver> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
