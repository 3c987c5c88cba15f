//! Without a driver, lifetimes decide.

use std::time::Duration;

use dcv_resolver_cache::CacheConfig;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Clock, SessionStore, StoreErrorKind};

use crate::support::{Backend, advance_ms, cached, console, console_of, expiring};

#[tokio::test(start_paused = true)]
async fn a_record_is_served_for_its_lifetime_and_not_at_the_end_of_it() {
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
async fn an_absence_has_a_lifetime_of_its_own() {
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
async fn a_lifetime_counts_from_when_the_store_began_to_be_asked() {
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
async fn a_lifetime_of_zero_keeps_nothing() {
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
    assert_eq!(store.stats().entries(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_misses_kept_is_no_misses_kept_over_a_record() {
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
async fn errors_are_not_kept() {
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
async fn a_record_that_expires_while_it_is_kept_hides_no_renewal() {
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
async fn a_record_that_comes_expired_is_kept_like_an_absence() {
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
async fn the_wall_clock_makes_no_entry_older_or_younger() {
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
async fn a_ping_asks_the_store() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    store.ping().await.unwrap();
    backend.fail(Some(StoreErrorKind::Unavailable));
    assert!(store.ping().await.is_err());
}
