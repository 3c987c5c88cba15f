//! Runs a change and a lookup in every order, with every value that an atomic
//! may return: neither a stress test nor a runtime can do this at will.
//!
//! Each call to the store completes at once. A lookup that waits for the call of
//! another is woken by tokio, whose locks loom does not know: it would find
//! orders that cannot happen. `tests/cache/single_flight.rs` has those lookups.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::testing::session;
use dcv_resolver_core::{
    ChangeEvent, SessionId, SessionRecord, SessionStore, StoreError, Transport, async_trait,
};
use loom::future::block_on;
use loom::sync::atomic::{AtomicU16, Ordering};
use loom::thread;
use tokio::time::Instant;

use crate::sync::explore;
use crate::{CacheConfig, CachedStore};

/// A store of one session, whose changes differ by its port.
struct Store {
    port: AtomicU16,
}

#[async_trait]
impl SessionStore for Store {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let port = self.port.load(Ordering::Acquire);
        let record = session(id.as_str()).to_builder().http_port(port);
        Ok(Some(record.build().unwrap()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// A cache whose entries get old by events only.
fn cached() -> Arc<CachedStore<Store>> {
    let store = Store {
        port: AtomicU16::new(1),
    };
    let hour = Duration::from_secs(3_600);
    let config = CacheConfig::default().ttl(hour).max_staleness(hour);
    Arc::new(CachedStore::new(store, config))
}

fn console() -> SessionId {
    "console".parse().unwrap()
}

fn look_up(store: &CachedStore<Store>) -> u16 {
    let found = block_on(store.lookup(&console())).unwrap();
    found.unwrap().port(Transport::Http).unwrap()
}

/// `events` are reported after a change; a lookup on another thread may begin
/// before or after.
fn change_is_seen_after(events: &'static [fn(&SessionId) -> ChangeEvent<'_>]) {
    explore(move || {
        let store = cached();
        let listener = store.listener();
        listener.on_change(caught_up(&console()));
        assert_eq!(look_up(&store), 1);
        let reported = Arc::new(AtomicU16::new(1));
        let lookup = thread::spawn({
            let (store, reported) = (Arc::clone(&store), Arc::clone(&reported));
            move || {
                let known = reported.load(Ordering::Acquire);
                assert!(look_up(&store) >= known);
            }
        });
        store.store().port.store(2, Ordering::Release);
        for event in events {
            listener.on_change(event(&console()));
        }
        reported.store(2, Ordering::Release);
        assert_eq!(look_up(&store), 2);
        lookup.join().unwrap();
    });
}

fn changed(id: &SessionId) -> ChangeEvent<'_> {
    ChangeEvent::Changed(id)
}

fn all_changed(_: &SessionId) -> ChangeEvent<'_> {
    ChangeEvent::AllChanged
}

fn caught_up(_: &SessionId) -> ChangeEvent<'_> {
    ChangeEvent::CaughtUp(Instant::now().into_std())
}

fn disconnected(_: &SessionId) -> ChangeEvent<'_> {
    ChangeEvent::Disconnected
}

fn unsupported(_: &SessionId) -> ChangeEvent<'_> {
    ChangeEvent::Unsupported
}

#[test]
fn change_is_seen_once_it_is_reported() {
    change_is_seen_after(&[changed]);
}

#[test]
fn change_is_seen_once_all_are_reported() {
    change_is_seen_after(&[all_changed]);
}

#[test]
fn change_is_seen_once_the_source_is_disconnected() {
    change_is_seen_after(&[disconnected]);
}

#[test]
fn change_in_a_gap_is_seen_once_the_gap_ends() {
    change_is_seen_after(&[disconnected, all_changed, caught_up]);
}

#[test]
fn change_is_seen_once_changes_are_not_reported() {
    change_is_seen_after(&[unsupported]);
}
