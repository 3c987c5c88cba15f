//! What happens to a lookup or a ping within the limit, and at the limit.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dcv_resolver_core::testing::{FaultyStore, Reply, ScriptedStore};
use dcv_resolver_core::{
    Expiry, MemoryStore, SessionId, SessionRecord, SessionStore, StoreErrorKind,
};
use dcv_resolver_timeout::TimeoutStore;
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_millis(300);

fn console() -> SessionId {
    "console".parse().unwrap()
}

/// A store of the session `console` that answers after `delay`.
fn delayed(delay: Duration) -> TimeoutStore<impl SessionStore> {
    let record = SessionRecord::builder(console(), "192.0.2.1".parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap();
    let store = MemoryStore::new();
    store.insert(record);
    TimeoutStore::new(FaultyStore::new(store).delayed(move || sleep(delay)), LIMIT)
}

#[tokio::test(start_paused = true)]
async fn answer_within_the_limit_is_passed_on() {
    let in_time = delayed(LIMIT - Duration::from_millis(2));
    assert!(in_time.lookup(&console()).await.unwrap().is_some());
    let absent = "absent".parse().unwrap();
    assert!(in_time.lookup(&absent).await.unwrap().is_none());
    in_time.ping().await.unwrap();

    let failing = ScriptedStore::always(Reply::Fail(StoreErrorKind::CorruptRecord));
    let failing = TimeoutStore::new(failing, LIMIT);
    let error = failing.lookup(&console()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
}

#[tokio::test(start_paused = true)]
async fn call_beyond_the_limit_times_out_at_the_limit() {
    let late = delayed(LIMIT * 2);
    for error in [
        late.lookup(&console()).await.unwrap_err(),
        late.ping().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::TimedOut);
        assert!(error.is_retryable());
        let chain = error.chain().to_string();
        assert!(chain.starts_with("timeout: "), "{chain}");
        assert!(chain.ends_with("gave up after 300ms"), "{chain}");
    }

    let hanging = TimeoutStore::new(ScriptedStore::always(Reply::Hang), LIMIT);
    let started = Instant::now();
    hanging.lookup(&console()).await.unwrap_err();
    let elapsed = started.elapsed();
    // Tokio's timer counts whole milliseconds.
    assert!(elapsed >= LIMIT && elapsed <= LIMIT + Duration::from_millis(1));
}

/// Counts the instances that are alive.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn future_of_the_inner_store_is_dropped_at_the_limit() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let store = FaultyStore::new(MemoryStore::new()).delayed(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&counted));
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    });
    let store = TimeoutStore::new(store, LIMIT);
    store.lookup(&console()).await.unwrap_err();
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
