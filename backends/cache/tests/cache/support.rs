//! A store that the test controls.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{
    Expiry, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, Timestamp,
    async_trait,
};
use tokio::sync::watch;

/// Counts its calls, reads its answer when a call begins, and gives it when it
/// is let to.
#[derive(Debug, Clone)]
pub(crate) struct Backend(Arc<State>);

#[derive(Debug)]
struct State {
    sessions: Mutex<HashMap<SessionId, SessionRecord>>,
    failure: Mutex<Option<StoreErrorKind>>,
    panics: AtomicBool,
    calls: AtomicUsize,
    held: watch::Sender<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: bool,
    /// By number, the calls that are let go nevertheless.
    but: HashSet<usize>,
}

impl Backend {
    /// Returns how many clones there are, with this one.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            sessions: Mutex::default(),
            failure: Mutex::default(),
            panics: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            held: watch::Sender::default(),
        }))
    }

    pub(crate) fn put(&self, record: SessionRecord) {
        let id = record.id().clone();
        self.0.sessions.lock().unwrap().insert(id, record);
    }

    pub(crate) fn remove(&self, id: &SessionId) {
        self.0.sessions.lock().unwrap().remove(id);
    }

    /// From now on calls fail so, or no longer.
    pub(crate) fn fail(&self, failure: Option<StoreErrorKind>) {
        *self.0.failure.lock().unwrap() = failure;
    }

    pub(crate) fn panic(&self, panics: bool) {
        self.0.panics.store(panics, Ordering::SeqCst);
    }

    /// Calls begin, and do not end until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.0.held.send_modify(|held| held.all = true);
    }

    pub(crate) fn release(&self) {
        self.0.held.send_replace(Held::default());
    }

    /// Lets one call end; the first is number 1.
    pub(crate) fn release_call(&self, number: usize) {
        self.0.held.send_modify(|held| {
            held.but.insert(number);
        });
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl SessionStore for Backend {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let number = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let found = self.0.sessions.lock().unwrap().get(id).cloned();
        let failure = *self.0.failure.lock().unwrap();
        let mut held = self.0.held.subscribe();
        held.wait_for(|held| !held.all || held.but.contains(&number))
            .await
            .unwrap();
        assert!(
            !self.0.panics.load(Ordering::SeqCst),
            "as the test asks for"
        );
        match failure {
            None => Ok(found),
            Some(kind) => Err(StoreError::new("backend", kind)
                .with_source(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match *self.0.failure.lock().unwrap() {
            None => Ok(()),
            Some(kind) => Err(StoreError::new("backend", kind)),
        }
    }
}

pub(crate) fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

/// A record of `id`, distinguished from others by its port.
pub(crate) fn record(id: &SessionId, port: u16, expiry: Expiry) -> SessionRecord {
    SessionRecord::builder(id.clone(), "ws-17.dcv.example".parse().unwrap(), expiry)
        .http_port(port)
        .build()
        .unwrap()
}

pub(crate) fn console(port: u16) -> SessionRecord {
    record(&id("console"), port, Expiry::Never)
}

pub(crate) fn expiring(port: u16, expires_at: Timestamp) -> SessionRecord {
    record(&id("console"), port, Expiry::At(expires_at))
}

pub(crate) fn cached(backend: &Backend, config: CacheConfig) -> CachedStore<Backend> {
    CachedStore::new(backend.clone(), config)
}

/// The port of the record that `id` is answered with; `None` for none.
pub(crate) async fn port_of(store: &impl SessionStore, id: &SessionId) -> Option<u16> {
    port(store.lookup(id).await.unwrap())
}

pub(crate) fn port(found: Option<SessionRecord>) -> Option<u16> {
    found.map(|record| record.port(dcv_resolver_core::Transport::Http).unwrap())
}

pub(crate) async fn console_of(store: &impl SessionStore) -> Option<u16> {
    port_of(store, &id("console")).await
}

pub(crate) async fn advance_ms(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

/// Lets every task go on as far as it can.
pub(crate) async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}
