//! The reference implementation keeps its own contract.

use std::sync::Arc;

use dcv_resolver_conformance::{Fixture, conformance};
use dcv_resolver_core::{MemoryStore, SessionRecord};

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
