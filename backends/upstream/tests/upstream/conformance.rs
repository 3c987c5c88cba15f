//! The contract of a store. The upstream is our own adapter over a store in
//! memory.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use dcv_resolver_conformance::{Fixture, OutageFixture, conformance};
use dcv_resolver_core::testing::FaultyStore;
use dcv_resolver_core::{
    Expiry, MemoryStore, SessionId, SessionRecord, SessionState, SessionStore, StoreError,
    StoreErrorKind, async_trait,
};
use dcv_resolver_upstream::UpstreamStore;

use crate::support::{start_resolver, store};

type Memory = FaultyStore<MemoryStore>;

struct Upstream {
    sessions: Memory,
    address: SocketAddr,
    seeded: Mutex<HashMap<SessionId, SessionRecord>>,
}

/// Adds to each record what the contract of the gateway does not transport.
#[derive(Debug)]
struct Completed {
    store: UpstreamStore,
    seeded: HashMap<SessionId, SessionRecord>,
}

#[async_trait]
impl SessionStore for Completed {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let found = self.store.lookup(id).await?;
        Ok(found.map(|record| {
            assert_eq!(record.expiry(), Expiry::Never);
            let seeded = &self.seeded[id];
            let mut completed = record
                .to_builder()
                .state(seeded.state())
                .expiry(seeded.expiry())
                .labels(seeded.labels().clone());
            if let Some(owner) = seeded.owner() {
                completed = completed.owner(owner);
            }
            completed.build().unwrap()
        }))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }
}

impl Fixture for Upstream {
    type Store = Completed;

    async fn new() -> Self {
        let sessions = FaultyStore::new(MemoryStore::new());
        Self {
            address: start_resolver(sessions.clone()),
            sessions,
            seeded: Mutex::default(),
        }
    }

    async fn seed(&self, records: &[SessionRecord]) {
        for record in records {
            // Others are 404 for a gateway.
            let reachable = record
                .to_builder()
                .state(SessionState::Ready)
                .expiry(Expiry::Never);
            self.sessions.store().insert(reachable.build().unwrap());
            let mut seeded = self.seeded.lock().unwrap();
            seeded.insert(record.id().clone(), record.clone());
        }
    }

    async fn open(&self) -> Completed {
        Completed {
            store: store(self.address),
            seeded: self.seeded.lock().unwrap().clone(),
        }
    }
}

impl OutageFixture for Upstream {
    async fn cut(&self) {
        self.sessions.fail_with(StoreErrorKind::Unavailable);
    }

    async fn restore(&self) {
        self.sessions.recover();
    }
}

conformance!(read, outage; Upstream);
