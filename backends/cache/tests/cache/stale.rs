//! While the store fails, what was known before may be served, if so wished.

use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{ChangeEvent, Clock, SessionStore, StoreErrorKind};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::support::{Backend, advance_ms, cached, console, console_of, expiring, port, settle};

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

/// A store whose source is disconnected, with the console cached, after a call
/// that failed.
async fn known_to_be_down(backend: &Backend) -> CachedStore<Backend> {
    let store = patient(backend);
    let listener = store.listener();
    listener.on_change(ChangeEvent::CaughtUp(Instant::now().into_std()));
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    listener.on_change(ChangeEvent::Disconnected);
    backend.fail(Some(StoreErrorKind::TimedOut));
    assert_eq!(ask(&store).await, Ok(Some(1)));
    assert_eq!(backend.calls(), 2);
    store
}

#[tokio::test(start_paused = true)]
async fn store_known_to_be_down_is_not_awaited_and_one_call_at_a_time_probes_it() {
    let backend = Backend::new();
    let store = known_to_be_down(&backend).await;
    backend.hold();
    for _ in 0..5 {
        assert_eq!(ask(&store).now_or_never(), Some(Ok(Some(1))));
        settle().await;
    }
    assert_eq!(backend.calls(), 3);
    // The probe fails, and the next lookup begins another.
    backend.release();
    settle().await;
    backend.hold();
    assert_eq!(ask(&store).now_or_never(), Some(Ok(Some(1))));
    settle().await;
    assert_eq!(backend.calls(), 4);
    assert_eq!(store.stats().stale, 7);
}

#[tokio::test(start_paused = true)]
async fn probe_that_succeeds_ends_the_outage_and_its_result_is_served() {
    let backend = Backend::new();
    let store = known_to_be_down(&backend).await;
    backend.fail(None);
    backend.put(console(2));
    assert_eq!(ask(&store).now_or_never(), Some(Ok(Some(1))));
    settle().await;
    // The source is still disconnected, so the store is asked.
    backend.put(console(3));
    assert_eq!(ask(&store).await, Ok(Some(3)));
    assert_eq!(store.stats().stale_age, None);
}

#[tokio::test(start_paused = true)]
async fn probe_that_hangs_is_replaced_after_ten_seconds() {
    let backend = Backend::new();
    let store = known_to_be_down(&backend).await;
    backend.hold();
    for (ms, calls) in [(0, 3), (9_999, 3), (1, 4)] {
        advance_ms(ms).await;
        assert_eq!(ask(&store).now_or_never(), Some(Ok(Some(1))));
        settle().await;
        assert_eq!(backend.calls(), calls);
    }
}

#[tokio::test(start_paused = true)]
async fn probe_that_hangs_ends_with_the_cache() {
    let backend = Backend::new();
    let held = backend.holders();
    let store = known_to_be_down(&backend).await;
    backend.hold();
    assert_eq!(ask(&store).now_or_never(), Some(Ok(Some(1))));
    settle().await;
    assert_eq!(backend.calls(), 3);
    drop(store);
    settle().await;
    assert_eq!(backend.holders(), held);
}

#[tokio::test(start_paused = true)]
async fn store_known_to_be_down_is_asked_about_a_session_that_is_not_cached() {
    let backend = Backend::new();
    let store = known_to_be_down(&backend).await;
    let other = crate::support::id("other");
    let error = store.lookup(&other).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TimedOut);
    assert_eq!(backend.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn record_beyond_stale_if_error_is_not_served_from_a_known_outage() {
    let backend = Backend::new();
    let store = known_to_be_down(&backend).await;
    advance_ms(601_000).await;
    assert_eq!(ask(&store).await, Ok(Some(1)));
    settle().await;
    advance_ms(1).await;
    assert_eq!(ask(&store).await, Err(StoreErrorKind::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn failure_without_a_disconnected_source_is_not_a_known_outage() {
    let backend = Backend::new();
    let store = patient(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(30_000).await;
    backend.fail(Some(UNAVAILABLE));
    for calls in 2..5 {
        assert_eq!(ask(&store).await, Ok(Some(1)));
        assert_eq!(backend.calls(), calls);
    }
}
