//! A store that is given up on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dcv_resolver_core::testing::{DelayedStore, Reply, ScriptedStore};
use dcv_resolver_core::{
    Expiry, LeaseToken, MemoryStore, Resolver, SessionListing, SessionRegistry, SessionStore,
    StoreErrorKind, Timestamp,
};
use dcv_resolver_http::{ResolveService, TimeoutStore};
use tokio::time::{Instant, sleep};
use tracing::Level;

use crate::support::{CONSOLE, Log, memory, post};

const LIMIT: Duration = Duration::from_millis(300);

fn delayed(delay: Duration) -> impl SessionStore {
    TimeoutStore::new(DelayedStore::new(memory(), move || sleep(delay)), LIMIT)
}

#[tokio::test(start_paused = true)]
async fn within_the_limit_it_answers_as_the_store_does() {
    let in_time = delayed(LIMIT - Duration::from_millis(2));
    let console = "console".parse().unwrap();
    assert!(in_time.lookup(&console).await.unwrap().is_some());
    let other = "other".parse().unwrap();
    assert!(in_time.lookup(&other).await.unwrap().is_none());
    in_time.ping().await.unwrap();

    let failing = ScriptedStore::always(Reply::Fail(StoreErrorKind::CorruptRecord));
    let failing = TimeoutStore::new(failing, LIMIT);
    let error = failing.lookup(&console).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_longer_is_given_up_on_at_the_limit() {
    let late = delayed(LIMIT * 2);
    let console = "console".parse().unwrap();
    for kind in [
        late.lookup(&console).await.unwrap_err(),
        late.ping().await.unwrap_err(),
    ] {
        assert_eq!(kind.kind(), StoreErrorKind::TimedOut);
        assert!(kind.is_retryable());
        assert_eq!(
            kind.chain().to_string(),
            "time limit: the store did not answer in time: given up after 300ms"
        );
    }
    let started = Instant::now();
    let hanging = TimeoutStore::new(ScriptedStore::always(Reply::Hang), LIMIT);
    hanging.lookup(&console).await.unwrap_err();
    let elapsed = started.elapsed();
    // Tokio's timer goes by whole milliseconds.
    assert!(elapsed >= LIMIT && elapsed <= LIMIT + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_registry_is_one_within_a_limit_as_well() {
    let at = Timestamp::from_unix_ms;
    let console = "console".parse().unwrap();
    let record = memory().lookup(&console).await.unwrap().unwrap();
    let record = record.with_expiry(Expiry::At(at(10)));
    let token: LeaseToken = "747230756234646f7200000000000000".parse().unwrap();

    let limited = TimeoutStore::new(MemoryStore::new(), LIMIT);
    limited.register(&record, &token, at(0)).await.unwrap();
    assert_eq!(
        limited.lookup(&console).await.unwrap(),
        Some(record.clone())
    );
    let renewed = Expiry::At(at(20));
    limited
        .renew(&console, &token, renewed, at(9))
        .await
        .unwrap();
    let page = limited.list(None, 10.try_into().unwrap()).await.unwrap();
    assert_eq!(page.records, [record.with_expiry(renewed)]);
    assert_eq!(limited.sweep(at(19)).await.unwrap(), 0);
    assert_eq!(limited.sweep(at(20)).await.unwrap(), 1);
    assert!(!limited.deregister(&console, &token).await.unwrap());
}

/// Counts those that are there.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_was_doing_is_dropped_at_the_limit() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let store = DelayedStore::new(MemoryStore::new(), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&counted));
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    });
    let store = TimeoutStore::new(store, LIMIT);
    store.lookup(&"console".parse().unwrap()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn in_a_chain_the_slow_store_is_a_503_under_its_name_before_the_time_budget_ends() {
    let hanging = TimeoutStore::new(ScriptedStore::always(Reply::Hang), LIMIT);
    let resolver = Resolver::new(MemoryStore::new())
        .with_store_name("by_hand")
        .then("inventory", hanging)
        .then("never_asked", ScriptedStore::always(Reply::Panic));
    let app = ResolveService::builder(resolver).router();

    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let started = Instant::now();
    let answer = post(&app, CONSOLE).await;
    assert!(started.elapsed() < Duration::from_millis(310));
    assert_eq!(answer.reason(), "timeout");
    let fields = log.events()[0]["fields"].clone();
    assert_eq!(fields["store"], "inventory");
    assert_eq!(
        fields["error"],
        "time limit: the store did not answer in time: given up after 300ms"
    );
}
