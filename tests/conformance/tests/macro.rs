//! The attributes in front of the batteries are added to every test: each passes
//! because it panics as the attribute expects.

#![expect(clippy::panic, reason = "the panic is expected")]

use dcv_resolver_conformance::{Fixture, conformance};
use dcv_resolver_core::{MemoryStore, SessionRecord};

struct Unavailable;

impl Fixture for Unavailable {
    type Store = MemoryStore;

    async fn new() -> Self {
        panic!("there is no server");
    }

    async fn seed(&self, _records: &[SessionRecord]) {}

    async fn open(&self) -> MemoryStore {
        MemoryStore::new()
    }
}

conformance!(
    #[should_panic(expected = "there is no server")]
    read, list, registry, import, durability, shared;
    Unavailable
);
