//! Without a change source, TTLs decide.

use std::time::Duration;

use dcv_resolver_cache::CacheConfig;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Clock, SessionStore, StoreErrorKind};

use crate::support::{Backend, advance_ms, cached, console, console_of, expiring};

#[tokio::test(start_paused = true)]
async fn record_is_served_until_its_ttl_ends() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(console(2));
    advance_ms(29_999).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 1);
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn absence_is_served_until_negative_ttl_ends() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    assert_eq!(console_of(&store).await, None);
    backend.put(console(1));
    advance_ms(999).await;
    assert_eq!(console_of(&store).await, None);
    assert_eq!(backend.calls(), 1);
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn ttl_counts_from_the_beginning_of_the_load() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    backend.hold();
    let (found, ()) = tokio::join!(console_of(&store), async {
        advance_ms(29_000).await;
        backend.put(console(2));
        backend.release();
    });
    assert_eq!(found, Some(1));
    advance_ms(999).await;
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn ttl_of_zero_caches_nothing() {
    let backend = Backend::new();
    let config = CacheConfig::default()
        .ttl(Duration::ZERO)
        .negative_ttl(Duration::ZERO);
    let store = cached(&backend, config);
    for found in [None, None, Some(1), Some(1), Some(2)] {
        if let Some(port) = found {
            backend.put(console(port));
        }
        assert_eq!(console_of(&store).await, found);
    }
    assert_eq!(backend.calls(), 5);
    assert_eq!(store.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn uncached_absence_removes_the_entry_before_it() {
    let backend = Backend::new();
    let config = CacheConfig::default()
        .negative_ttl(Duration::ZERO)
        .stale_if_error(Duration::from_secs(600));
    let store = cached(&backend, config);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.remove(console(1).id());
    advance_ms(30_000).await;
    assert_eq!(console_of(&store).await, None);
    // The record must be gone, not only out of date: it would be served stale.
    backend.fail(Some(StoreErrorKind::Unavailable));
    assert!(store.lookup(console(1).id()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn errors_are_not_cached() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    backend.fail(Some(StoreErrorKind::Unavailable));
    for _ in 0..2 {
        let error = store.lookup(console(1).id()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    assert_eq!(backend.calls(), 2);
    backend.fail(None);
    assert_eq!(console_of(&store).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn record_that_expires_in_the_cache_is_loaded_again() {
    let clock = ManualClock::default();
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().clock(clock.clone()));
    let lease = Duration::from_secs(10);
    backend.put(expiring(1, clock.now().saturating_add(lease)));
    assert_eq!(console_of(&store).await, Some(1));
    clock.advance(lease - Duration::from_millis(1));
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 1);

    backend.put(expiring(2, clock.now().saturating_add(lease)));
    clock.advance(Duration::from_millis(1));
    assert_eq!(console_of(&store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn record_loaded_expired_has_negative_ttl() {
    let clock = ManualClock::default();
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().clock(clock.clone()));
    backend.put(expiring(1, clock.now()));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(expiring(
        2,
        clock.now().saturating_add(Duration::from_secs(60)),
    ));
    advance_ms(999).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 1);
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn wall_clock_does_not_change_the_age_of_an_entry() {
    let clock = ManualClock::default();
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default().clock(clock.clone()));
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    let day = Duration::from_secs(86_400);
    clock.advance(day);
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 1);

    clock.set(ManualClock::default().now());
    advance_ms(30_000).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn ping_asks_the_store() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    store.ping().await.unwrap();
    backend.fail(Some(StoreErrorKind::Unavailable));
    assert!(store.ping().await.is_err());
}
