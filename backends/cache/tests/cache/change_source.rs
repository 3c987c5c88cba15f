//! With a change source, its events decide what is served.

use dcv_resolver_core::ChangeEvent;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use tokio::time::Instant;

use crate::support::{Backend, advance_ms, cached, console, console_of, settle};

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// A cache whose source is caught up.
fn driven(backend: &Backend) -> CachedStore<Backend> {
    let store = cached(backend, CacheConfig::default());
    store.listener().on_change(ChangeEvent::CaughtUp(now()));
    store
}

#[tokio::test(start_paused = true)]
async fn record_is_served_beyond_ttl_while_source_is_caught_up() {
    let backend = Backend::new();
    let store = driven(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    for _ in 0..100 {
        advance_ms(1_000).await;
        store.listener().on_change(ChangeEvent::CaughtUp(now()));
        assert_eq!(console_of(&store).await, Some(1));
    }
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn absence_is_served_beyond_ttl_while_source_is_caught_up() {
    let backend = Backend::new();
    let store = driven(&backend);
    for _ in 0..100 {
        assert_eq!(console_of(&store).await, None);
        advance_ms(1_000).await;
        store.listener().on_change(ChangeEvent::CaughtUp(now()));
    }
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn store_is_asked_when_catch_up_is_older_than_max_staleness() {
    let backend = Backend::new();
    let store = driven(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(console(2));
    advance_ms(1_000).await;
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(backend.calls(), 3, "the store is asked each time");
    // A late catch-up counts: nothing has changed since.
    store.listener().on_change(ChangeEvent::CaughtUp(now()));
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(backend.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn old_or_future_catch_up_does_not_extend_freshness() {
    let backend = Backend::new();
    let store = driven(&backend);
    let old = now();
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    advance_ms(1_001).await;
    store.listener().on_change(ChangeEvent::CaughtUp(old));
    assert_eq!(
        store.stats().confirmed_age,
        Some(Duration::from_millis(1_001))
    );
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 2);
    // Nor does one from the future last longer.
    store
        .listener()
        .on_change(ChangeEvent::CaughtUp(now() + Duration::from_secs(3600)));
    advance_ms(1_001).await;
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(backend.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn change_is_visible_as_soon_as_it_is_reported() {
    let backend = Backend::new();
    let store = driven(&backend);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(console(2));
    store
        .listener()
        .on_change(ChangeEvent::Changed(console(2).id()));
    assert_eq!(console_of(&store).await, Some(2));
    backend.remove(console(2).id());
    store
        .listener()
        .on_change(ChangeEvent::Changed(console(2).id()));
    assert_eq!(console_of(&store).await, None);
    backend.put(console(3));
    store.listener().on_change(ChangeEvent::AllChanged);
    assert_eq!(console_of(&store).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn single_changes_leave_ttls_in_force() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(console(2));
    store
        .listener()
        .on_change(ChangeEvent::Changed(console(2).id()));
    assert_eq!(console_of(&store).await, Some(2));
    // TTLs apply as before.
    advance_ms(29_999).await;
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(backend.calls(), 2);
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(2));
    assert_eq!(backend.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn entries_before_first_catch_up_are_discarded() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    backend.put(console(2));
    store.listener().on_change(ChangeEvent::CaughtUp(now()));
    assert_eq!(console_of(&store).await, Some(2));
}

/// Checks that `event` invalidates a load in flight.
async fn load_is_invalidated_by(happens: impl Fn(&CachedStore<Backend>)) {
    let backend = Backend::new();
    let store = Arc::new(driven(&backend));
    backend.put(console(1));
    backend.hold();
    let ask = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { console_of(&*store).await })
    };
    let before = ask();
    settle().await;
    backend.put(console(2));
    happens(&store);
    let after = ask();
    settle().await;
    assert_eq!(backend.calls(), 2, "the old call is not joined");
    backend.release();
    assert_eq!(before.await.unwrap(), Some(1));
    assert_eq!(after.await.unwrap(), Some(2));
    // Whichever came last.
    assert_eq!(console_of(&*store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn load_that_began_before_an_event_is_not_joined_or_cached_after_it() {
    load_is_invalidated_by(|store| {
        store
            .listener()
            .on_change(ChangeEvent::Changed(console(1).id()))
    })
    .await;
    load_is_invalidated_by(|store| store.listener().on_change(ChangeEvent::AllChanged)).await;
    load_is_invalidated_by(|store| store.listener().on_change(ChangeEvent::Disconnected)).await;
    load_is_invalidated_by(|store| store.listener().on_change(ChangeEvent::Unsupported)).await;
    load_is_invalidated_by(|store| {
        store.listener().on_change(ChangeEvent::Disconnected);
        store.listener().on_change(ChangeEvent::AllChanged);
        store.listener().on_change(ChangeEvent::CaughtUp(now()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn invalidated_load_caches_nothing() {
    let backend = Backend::new();
    let store = Arc::new(driven(&backend));
    backend.put(console(1));
    backend.hold();
    let asking = tokio::spawn({
        let store = Arc::clone(&store);
        async move { console_of(&*store).await }
    });
    settle().await;
    store
        .listener()
        .on_change(ChangeEvent::Changed(console(1).id()));
    backend.put(console(2));
    backend.release();
    assert_eq!(asking.await.unwrap(), Some(1));
    assert_eq!(store.stats().entries, 0);
    assert_eq!(console_of(&*store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn store_is_asked_while_source_is_disconnected() {
    let backend = Backend::new();
    let store = driven(&backend);
    let listener = store.listener();
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));

    listener.on_change(ChangeEvent::Disconnected);
    assert_eq!(store.stats().confirmed_age, None);
    for port in 2..5 {
        backend.put(console(port));
        assert_eq!(console_of(&store).await, Some(port));
    }
    // Neither of the two is enough alone.
    listener.on_change(ChangeEvent::CaughtUp(now()));
    backend.put(console(5));
    assert_eq!(console_of(&store).await, Some(5));
    listener.on_change(ChangeEvent::AllChanged);
    backend.put(console(6));
    assert_eq!(console_of(&store).await, Some(6));

    // Kept after everything may have changed, and so confirmed now.
    listener.on_change(ChangeEvent::CaughtUp(now()));
    let calls = backend.calls();
    assert_eq!(console_of(&store).await, Some(6));
    assert_eq!(backend.calls(), calls);
}

#[tokio::test(start_paused = true)]
async fn entries_before_a_gap_are_not_served_after_it() {
    let backend = Backend::new();
    let store = driven(&backend);
    let listener = store.listener();
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    listener.on_change(ChangeEvent::Disconnected);
    backend.put(console(2));
    listener.on_change(ChangeEvent::AllChanged);
    listener.on_change(ChangeEvent::CaughtUp(now()));
    assert_eq!(console_of(&store).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn source_that_begins_disconnected_disables_ttls() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    store.listener().on_change(ChangeEvent::Disconnected);
    for port in 1..4 {
        backend.put(console(port));
        assert_eq!(console_of(&store).await, Some(port));
    }
}

/// From now on: a record for 30 s, an absence for one.
async fn ttls_apply(store: &CachedStore<Backend>, backend: &Backend) {
    advance_ms(30_000).await;
    backend.put(console(101));
    assert_eq!(console_of(store).await, Some(101));
    let calls = backend.calls();
    backend.put(console(102));
    advance_ms(29_999).await;
    assert_eq!(console_of(store).await, Some(101));
    assert_eq!(backend.calls(), calls);
    advance_ms(1).await;
    assert_eq!(console_of(store).await, Some(102));

    backend.remove(console(102).id());
    advance_ms(30_000).await;
    assert_eq!(console_of(store).await, None);
    backend.put(console(103));
    advance_ms(999).await;
    assert_eq!(console_of(store).await, None);
    advance_ms(1).await;
    assert_eq!(console_of(store).await, Some(103));
}

#[tokio::test(start_paused = true)]
async fn unsupported_source_leaves_ttls_in_force() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    store.listener().on_change(ChangeEvent::Unsupported);
    assert_eq!(store.stats().confirmed_age, None);
    ttls_apply(&store, &backend).await;
}

#[tokio::test(start_paused = true)]
async fn source_that_becomes_unsupported_restores_ttls() {
    for loses_first in [false, true] {
        let backend = Backend::new();
        let store = driven(&backend);
        let listener = store.listener();
        backend.put(console(1));
        assert_eq!(console_of(&store).await, Some(1));
        if loses_first {
            listener.on_change(ChangeEvent::Disconnected);
        }
        listener.on_change(ChangeEvent::Unsupported);
        assert_eq!(store.stats().confirmed_age, None);
        // Earlier entries may have changed without a report.
        backend.put(console(2));
        assert_eq!(console_of(&store).await, Some(2));
        ttls_apply(&store, &backend).await;
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_unsupported_discards_entries_again() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    for port in 1..4 {
        store.listener().on_change(ChangeEvent::Unsupported);
        backend.put(console(port));
        assert_eq!(console_of(&store).await, Some(port));
    }
    // A change that is reported nevertheless is visible.
    backend.put(console(4));
    store
        .listener()
        .on_change(ChangeEvent::Changed(console(4).id()));
    assert_eq!(console_of(&store).await, Some(4));
}

#[tokio::test(start_paused = true)]
async fn source_that_catches_up_or_disconnects_after_unsupported_disables_ttls() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    let listener = store.listener();
    listener.on_change(ChangeEvent::Unsupported);
    backend.put(console(1));
    assert_eq!(console_of(&store).await, Some(1));
    // Not without having said that everything may have changed.
    listener.on_change(ChangeEvent::CaughtUp(now()));
    assert_eq!(store.stats().confirmed_age, None);
    backend.put(console(2));
    listener.on_change(ChangeEvent::AllChanged);
    listener.on_change(ChangeEvent::CaughtUp(now()));
    assert_eq!(console_of(&store).await, Some(2));
    advance_ms(1_000).await;
    assert_eq!(console_of(&store).await, Some(2));
    backend.put(console(3));
    advance_ms(1).await;
    assert_eq!(console_of(&store).await, Some(3));

    listener.on_change(ChangeEvent::Unsupported);
    assert_eq!(console_of(&store).await, Some(3));
    listener.on_change(ChangeEvent::Disconnected);
    for port in 4..6 {
        backend.put(console(port));
        assert_eq!(console_of(&store).await, Some(port));
    }
}
