//! [`CacheListener`]: applies the events of a change source to a cache.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use dcv_resolver_core::{ChangeEvent, ChangeListener};

use crate::cache::Cache;
use crate::source_state::SourceStatus;
use crate::sync::{Mutex, MutexGuard};

#[derive(Debug)]
pub(crate) struct CacheListener {
    cache: Arc<Cache>,
    gap: Mutex<Gap>,
}

/// Whether `AllChanged` must come before the source can be caught up. Locked
/// while an event is handled, so that events of several threads are handled one
/// after the other. Lookups do not lock it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Open,
    Closed,
}

impl CacheListener {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self {
            cache,
            gap: Mutex::new(Gap::Closed),
        }
    }

    fn caught_up(&self, gap: Gap, instant: Instant) {
        if gap == Gap::Open {
            return;
        }
        let freshness = &self.cache.freshness;
        if freshness.source.status() == SourceStatus::NotReporting {
            // Existing entries may have changed without a report.
            self.cache.invalidate_all();
        }
        freshness.source.catch_up(freshness.past_ns(instant));
    }

    fn lock(&self) -> MutexGuard<'_, Gap> {
        self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeListener for CacheListener {
    fn on_change(&self, event: ChangeEvent<'_>) {
        // This is the one event that needs no order among the others.
        if let ChangeEvent::Changed(id) = event {
            return self.cache.invalidate(id);
        }
        let mut gap = self.lock();
        match event {
            ChangeEvent::CaughtUp(instant) => self.caught_up(*gap, instant),
            ChangeEvent::Disconnected => {
                *gap = Gap::Open;
                self.cache.freshness.source.disconnect();
                self.cache.invalidate_loads();
            }
            ChangeEvent::Unsupported => {
                *gap = Gap::Open;
                self.cache.freshness.source.stop_reporting();
                self.cache.invalidate_all();
            }
            ChangeEvent::AllChanged => {
                *gap = Gap::Closed;
                self.cache.invalidate_all();
            }
            // This is right for any event that this version does not know.
            _ => self.cache.invalidate_all(),
        }
    }
}
