//! The contract of `MemoryStore`, and of the `Arc`s around it.

use std::sync::Arc;

use dcv_resolver_conformance::{Fixture, OutageFixture, conformance};
use dcv_resolver_core::testing::FaultyStore;
use dcv_resolver_core::{MemoryStore, SessionImport, SessionRecord, StoreErrorKind};

/// Opens `Arc<MemoryStore>`.
struct Memory(Arc<MemoryStore>);

impl Fixture for Memory {
    type Store = Arc<MemoryStore>;

    async fn new() -> Self {
        Self(Arc::new(MemoryStore::new()))
    }

    // Without a lease, unlike most registries.
    async fn seed(&self, records: &[SessionRecord]) {
        for record in records {
            self.0.insert(record.clone());
        }
    }

    async fn open(&self) -> Self::Store {
        Arc::clone(&self.0)
    }
}

conformance!(read, list, registry, import, shared; Memory);

/// Opens the same as `Arc<dyn SessionImport>`, which forwards every trait. The
/// forwarding is the same for every backend, so it is checked only here.
struct Dynamic(Memory);

impl Fixture for Dynamic {
    type Store = Arc<dyn SessionImport>;

    async fn new() -> Self {
        Self(Memory::new().await)
    }

    async fn seed(&self, records: &[SessionRecord]) {
        self.0.seed(records).await;
    }

    async fn open(&self) -> Self::Store {
        self.0.open().await
    }
}

mod through_arc_dyn {
    use super::*;
    conformance!(read, list, registry, import; Dynamic);
}

/// Opens the same with the faults of a test.
struct Faulty(FaultyStore<MemoryStore>);

impl Fixture for Faulty {
    type Store = FaultyStore<MemoryStore>;

    async fn new() -> Self {
        Self(FaultyStore::new(MemoryStore::new()))
    }

    async fn seed(&self, records: &[SessionRecord]) {
        for record in records {
            self.0.store().insert(record.clone());
        }
    }

    async fn open(&self) -> Self::Store {
        self.0.clone()
    }
}

impl OutageFixture for Faulty {
    async fn cut(&self) {
        self.0.fail_with(StoreErrorKind::Unavailable);
    }

    async fn restore(&self) {
        self.0.recover();
    }
}

mod with_faults {
    use super::*;
    conformance!(read, list, registry, import, shared, outage, outage_registry; Faulty);
}

/// Opens the same, and loses every result during the outage: what was written
/// is there, and its owner does not know.
struct Losing(Faulty);

impl Fixture for Losing {
    type Store = FaultyStore<MemoryStore>;

    async fn new() -> Self {
        Self(Faulty::new().await)
    }

    async fn seed(&self, records: &[SessionRecord]) {
        self.0.seed(records).await;
    }

    async fn open(&self) -> Self::Store {
        self.0.open().await
    }
}

impl OutageFixture for Losing {
    async fn cut(&self) {
        self.0.0.lose_results(StoreErrorKind::TimedOut);
    }

    async fn restore(&self) {
        self.0.0.recover();
    }
}

mod with_lost_results {
    use super::*;
    conformance!(outage, outage_registry; Losing);
}
