//! The contract of `MemoryStore`, and of the `Arc`s around it.

use std::sync::Arc;

use dcv_resolver_conformance::{Fixture, conformance};
use dcv_resolver_core::{MemoryStore, SessionImport, SessionRecord};

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
