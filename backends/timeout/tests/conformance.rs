//! The contract of a store with a time limit, in front of one in memory.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_conformance::{Fixture, OutageFixture, conformance};
use dcv_resolver_core::testing::FaultyStore;
use dcv_resolver_core::{MemoryStore, SessionRecord};
use dcv_resolver_timeout::TimeoutStore;

struct Limited(Arc<MemoryStore>);

impl Fixture for Limited {
    type Store = TimeoutStore<Arc<MemoryStore>>;

    async fn new() -> Self {
        Self(Arc::new(MemoryStore::new()))
    }

    async fn seed(&self, records: &[SessionRecord]) {
        for record in records {
            self.0.insert(record.clone());
        }
    }

    async fn open(&self) -> Self::Store {
        TimeoutStore::new(Arc::clone(&self.0), Duration::from_secs(60))
    }
}

conformance!(read, list, registry, import; Limited);

/// Hangs during an outage.
struct Hanging(FaultyStore<MemoryStore>);

impl Fixture for Hanging {
    type Store = TimeoutStore<FaultyStore<MemoryStore>>;

    async fn new() -> Self {
        Self(FaultyStore::new(MemoryStore::new()))
    }

    async fn seed(&self, records: &[SessionRecord]) {
        for record in records {
            self.0.store().insert(record.clone());
        }
    }

    async fn open(&self) -> Self::Store {
        TimeoutStore::new(self.0.clone(), Duration::from_millis(20))
    }
}

impl OutageFixture for Hanging {
    async fn cut(&self) {
        self.0.hang();
    }

    async fn restore(&self) {
        self.0.recover();
    }
}

mod hanging {
    use super::*;
    conformance!(outage; Hanging);
}
