//! While the store fails, what was known before may be served, if so wished.

use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{ChangeEvent, Clock, SessionStore, StoreErrorKind};
use tokio::time::Instant;

use crate::support::{Backend, advance_ms, cached, console, console_of, expiring, port};

fn patient(backend: &Backend) -> CachedStore<Backend> {
    cached(
        backend,
        CacheConfig::default().stale_if_error(Duration::from_secs(600)),
    )
}

/// The port of the console, or the kind of the error.
async fn ask(store: &CachedStore<Backend>) -> Result<Option<u16>, StoreErrorKind> {
    let answer = store.lookup(console(1).id()).await;
    answer.map(port).map_err(|error| error.kind())
}

const UNAVAILABLE: StoreErrorKind = StoreErrorKind::Unavailable;

#[tokio::test(start_paused = true)]
async fn nothing_is_served_stale_by_default() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(30_000).await;
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn record_is_served_stale_for_stale_if_error_during_an_outage() {
    let backend = Backend::new();
    let store = patient(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    for kind in [UNAVAILABLE, StoreErrorKind::TimedOut] {
        backend.fail(Some(kind));
        advance_ms(300_000).await;
        assert_eq!(ask(&store).await, Ok(Some(1)));
    }
    assert_eq!(store.stats().stale, 2);
    assert_eq!(store.stats().stale_age, Some(Duration::from_secs(600)));
    advance_ms(30_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    advance_ms(1).await;
    assert_eq!(ask(&store).await, Err(StoreErrorKind::TimedOut));

    backend.fail(None);
    backend.put(console(2));
    assert_eq!(ask(&store).await, Ok(Some(2)));
    assert_eq!(store.stats().stale_age, None);
    assert_eq!(store.stats().stale, 3);
}

#[tokio::test(start_paused = true)]
async fn error_other_than_an_outage_is_returned() {
    let backend = Backend::new();
    let store = patient(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(30_000).await;
    for kind in [StoreErrorKind::CorruptRecord, StoreErrorKind::AccessDenied] {
        backend.fail(Some(kind));
        assert_eq!(ask(&store).await, Err(kind));
    }
}

#[tokio::test(start_paused = true)]
async fn absence_is_never_served_stale() {
    let backend = Backend::new();
    let store = patient(&backend);
    assert_eq!(console_of(&store).await, None);
    backend.fail(Some(UNAVAILABLE));
    advance_ms(1_000).await;
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn later_absence_replaces_the_record_before_it() {
    let backend = Backend::new();
    let store = patient(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.remove(console(1).id());
    advance_ms(30_000).await;
    assert_eq!(ask(&store).await, Ok(None));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(1_000).await;
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn expired_record_is_never_served_stale() {
    let clock = ManualClock::default();
    let backend = Backend::new();
    let config = CacheConfig::default()
        .stale_if_error(Duration::from_secs(600))
        .clock(clock.clone());
    let store = cached(&backend, config);
    let lease = Duration::from_secs(60);
    backend.put(expiring(1, clock.now().saturating_add(lease)));
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(30_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    clock.advance(lease);
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn changed_record_is_never_served_stale() {
    let backend = Backend::new();
    let store = patient(&backend);
    for forget in [
        (|store| {
            store
                .listener()
                .on_change(ChangeEvent::Changed(console(1).id()))
        }) as fn(&CachedStore<Backend>),
        |store| store.listener().on_change(ChangeEvent::AllChanged),
        |store| store.listener().on_change(ChangeEvent::Unsupported),
    ] {
        backend.fail(None);
        backend.put(console(1));
        assert_eq!(console_of(&store).await, Some(1));
        backend.fail(Some(UNAVAILABLE));
        forget(&store);
        assert_eq!(ask(&store).await, Err(UNAVAILABLE));
    }
}

#[tokio::test(start_paused = true)]
async fn stale_age_counts_from_the_last_catch_up() {
    let backend = Backend::new();
    let store = patient(&backend);
    let listener = store.listener();
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(3_600_000).await;
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(601_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    advance_ms(1).await;
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn disconnected_source_allows_stale_records_until_all_changed() {
    let backend = Backend::new();
    let store = patient(&backend);
    let listener = store.listener();
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(Some(UNAVAILABLE));
    listener.on_change(ChangeEvent::Disconnected);
    advance_ms(601_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    // It is back, and everything may have changed.
    listener.on_change(ChangeEvent::AllChanged);
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn unsupported_source_allows_stale_records() {
    let backend = Backend::new();
    let store = patient(&backend);
    store.listener().on_change(ChangeEvent::Unsupported);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(630_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    advance_ms(1).await;
    assert_eq!(ask(&store).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn only_a_stale_record_carries_its_age() {
    let backend = Backend::new();
    let store = patient(&backend);
    let listener = store.listener();
    let age = async || {
        let found = store.lookup(console(1).id()).await.unwrap().unwrap();
        assert_eq!(found.to_builder().build(), Ok(console(1)));
        found.stale_age()
    };
    backend.put(console(1));
    assert_eq!(age().await, None);
    advance_ms(29_999).await;
    assert_eq!(age().await, None);
    backend.fail(Some(UNAVAILABLE));
    advance_ms(1).await;
    assert_eq!(age().await, Some(Duration::from_secs(30)));
    advance_ms(12).await;
    assert_eq!(age().await, Some(Duration::from_millis(30_012)));
    backend.fail(None);
    assert_eq!(age().await, None);

    // Of what a driver confirmed, it is since then.
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    assert_eq!(age().await, None);
    advance_ms(500).await;
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    backend.fail(Some(UNAVAILABLE));
    listener.on_change(ChangeEvent::Disconnected);
    advance_ms(300).await;
    assert_eq!(age().await, Some(Duration::from_millis(300)));
}

#[tokio::test(start_paused = true)]
async fn record_served_stale_by_another_cache_is_not_cached() {
    let backend = Backend::new();
    let inner = std::sync::Arc::new(patient(&backend));
    let outer = CachedStore::new(std::sync::Arc::clone(&inner), CacheConfig::default());
    backend.put(console(1));
    assert_eq!(console_of(&inner).await, Some(1));
    backend.fail(Some(UNAVAILABLE));
    advance_ms(30_000).await;
    assert_eq!(console_of(&outer).await, Some(1));
    assert_eq!(outer.stats().entries, 0);
    backend.fail(None);
    backend.put(console(2));
    assert_eq!(console_of(&outer).await, Some(2));
}
