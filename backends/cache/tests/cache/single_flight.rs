//! Concurrent lookups of one id share a call.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{
    ChangeEvent, Expiry, SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind,
    async_trait,
};
use tokio::task::JoinSet;

use crate::support::{
    Backend, advance_ms, cached, console, console_of, id, port_of, record, settle,
};

const HERD: usize = 10_000;

/// So many lookups of the console.
fn herd(store: &Arc<CachedStore<Backend>>, askers: usize) -> JoinSet<Option<u16>> {
    (0..askers)
        .map(|_| {
            let store = Arc::clone(store);
            async move { console_of(&*store).await }
        })
        .collect()
}

async fn one_call_serves_a_herd(found: Option<u16>) {
    let backend = Backend::new();
    if let Some(port) = found {
        backend.put(console(port));
    }
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let askers = herd(&store, HERD);
    settle().await;
    backend.release();
    let answers = askers.join_all().await;
    assert_eq!(answers, vec![found; HERD]);
    assert_eq!(backend.calls(), 1);
    // On several threads some may have asked after the load.
    let stats = store.stats();
    assert_eq!(stats.loads, 1);
    assert_eq!(stats.hits + stats.coalesced, HERD as u64 - 1);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_lookups_of_a_session_make_one_call() {
    one_call_serves_a_herd(Some(1)).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_lookups_of_an_unknown_session_make_one_call() {
    one_call_serves_a_herd(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn lookups_on_several_threads_make_one_call() {
    let backend = Backend::new();
    backend.put(console(1));
    // A TTL far beyond what a busy machine could need.
    let store = Arc::new(cached(
        &backend,
        CacheConfig::default().ttl(Duration::from_secs(3600)),
    ));
    for round in 1..=20 {
        store
            .listener()
            .on_change(ChangeEvent::Changed(console(1).id()));
        let answers = herd(&store, 500).join_all().await;
        assert_eq!(answers, vec![Some(1); 500]);
        assert!(backend.calls() >= round);
    }
    assert_eq!(store.stats().loads, backend.calls() as u64);
    // A machine that stops a thread for a second would begin another call.
    assert!(backend.calls() <= 25, "{} calls", backend.calls());
}

#[tokio::test(start_paused = true)]
async fn dropped_lookup_does_not_cancel_the_load_of_others() {
    let backend = Backend::new();
    backend.put(console(1));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let mut first = herd(&store, 1);
    settle().await;
    let others = herd(&store, HERD);
    settle().await;
    first.shutdown().await;
    settle().await;
    // It can still be joined.
    let later = herd(&store, 1);
    settle().await;
    backend.release();
    assert_eq!(others.join_all().await, vec![Some(1); HERD]);
    assert_eq!(later.join_all().await, [Some(1)]);
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn unpolled_lookup_does_not_delay_others() {
    let backend = Backend::new();
    backend.put(console(1));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    // Polled once, then held without being polled.
    let console = id("console");
    let mut neglected = store.lookup(&console);
    assert!(poll_once(&mut neglected).await.is_none());
    let others = herd(&store, 3);
    settle().await;
    backend.release();
    assert_eq!(others.join_all().await, vec![Some(1); 3]);
    assert_eq!(backend.calls(), 1);
    assert!(poll_once(&mut neglected).await.is_some());
}

/// Polls once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn load_without_waiters_is_dropped() {
    let backend = Backend::new();
    backend.put(console(1));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let mut given_up = herd(&store, 3);
    settle().await;
    given_up.shutdown().await;
    backend.put(console(2));
    backend.release();
    assert_eq!(store.stats().entries, 0);
    assert_eq!(console_of(&*store).await, Some(2));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_waiter_gets_the_error_with_its_source() {
    let backend = Backend::new();
    backend.fail(Some(StoreErrorKind::Unavailable));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let askers: JoinSet<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&store);
            async move { store.lookup(&id("console")).await.unwrap_err() }
        })
        .collect();
    settle().await;
    backend.release();
    for error in askers.join_all().await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!(
            error.chain().to_string(),
            "backend: the store cannot be reached: connection refused"
        );
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<std::io::Error>());
    }
    assert_eq!(backend.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn panic_of_the_store_panics_one_lookup_and_fails_the_others() {
    let backend = Backend::new();
    backend.put(console(1));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    backend.panic(true);
    let mut askers: JoinSet<_> = (0..10)
        .map(|_| {
            let store = Arc::clone(&store);
            async move { store.lookup(&id("console")).await }
        })
        .collect();
    settle().await;
    backend.release();
    let mut panics = 0;
    while let Some(ended) = askers.join_next().await {
        match ended {
            Ok(answer) => assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Other),
            Err(died) => {
                assert!(died.is_panic());
                panics += 1;
            }
        }
    }
    assert_eq!(panics, 1);
    assert_eq!(backend.calls(), 1);

    backend.panic(false);
    assert_eq!(console_of(&*store).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn load_older_than_a_second_is_not_joined() {
    let backend = Backend::new();
    backend.put(console(1));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let early = herd(&store, 10);
    settle().await;
    advance_ms(1_000).await;
    let joined = herd(&store, 10);
    settle().await;
    assert_eq!(backend.calls(), 1);
    advance_ms(1).await;
    let late = herd(&store, 10);
    settle().await;
    assert_eq!(backend.calls(), 2);
    backend.release();
    for askers in [early, joined, late] {
        assert_eq!(askers.join_all().await, vec![Some(1); 10]);
    }
    assert_eq!(backend.calls(), 2);
}

/// Two calls under way: the first has been for too long to be joined.
async fn two_calls(
    backend: &Backend,
    store: &Arc<CachedStore<Backend>>,
) -> [JoinSet<Option<u16>>; 2] {
    backend.put(console(1));
    backend.hold();
    let early = herd(store, 1);
    settle().await;
    advance_ms(1_001).await;
    backend.put(console(2));
    let late = herd(store, 1);
    settle().await;
    assert_eq!(backend.calls(), 2);
    [early, late]
}

#[tokio::test(start_paused = true)]
async fn load_that_is_no_longer_joined_is_still_cached() {
    let backend = Backend::new();
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    let [early, late] = two_calls(&backend, &store).await;
    backend.release_call(1);
    assert_eq!(early.join_all().await, [Some(1)]);
    assert_eq!(console_of(&*store).await, Some(1));
    assert_eq!(backend.calls(), 2);
    backend.release();
    assert_eq!(late.join_all().await, [Some(2)]);
    assert_eq!(console_of(&*store).await, Some(2));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn older_load_that_ends_later_is_not_cached() {
    let backend = Backend::new();
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    let [early, late] = two_calls(&backend, &store).await;
    backend.release_call(2);
    assert_eq!(late.join_all().await, [Some(2)]);
    backend.release();
    assert_eq!(early.join_all().await, [Some(1)]);
    assert_eq!(console_of(&*store).await, Some(2));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn dropped_older_load_does_not_end_a_later_one() {
    let backend = Backend::new();
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    let [mut early, late] = two_calls(&backend, &store).await;
    early.shutdown().await;
    let joined = herd(&store, 1);
    settle().await;
    assert_eq!(backend.calls(), 2);
    backend.release();
    assert_eq!(late.join_all().await, [Some(2)]);
    assert_eq!(joined.join_all().await, [Some(2)]);
    assert_eq!(console_of(&*store).await, Some(2));
    assert_eq!(backend.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn failed_load_is_not_joined() {
    let backend = Backend::new();
    backend.put(console(1));
    backend.fail(Some(StoreErrorKind::Unavailable));
    let store = Arc::new(cached(&backend, CacheConfig::default()));
    backend.hold();
    let console = id("console");
    let mut one = store.lookup(&console);
    let mut other = store.lookup(&console);
    assert!(poll_once(&mut one).await.is_none());
    assert!(poll_once(&mut other).await.is_none());
    backend.release();
    assert!(one.await.is_err());
    // The other has not looked yet.
    backend.fail(None);
    assert_eq!(console_of(&*store).await, Some(1));
    assert!(other.await.is_err());
}

#[test]
fn lookup_that_joins_while_the_load_completes_is_woken() {
    let (meet, met) = mpsc::sync_channel(0);
    let (proceed, wait) = mpsc::sync_channel(0);
    let store = CachedStore::new(
        Meets(Mutex::new(Some((meet, wait)))),
        CacheConfig::default(),
    );
    let console = id("console");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut lookup = store.lookup(&console);
            let mut context = Context::from_waker(Waker::noop());
            assert!(lookup.as_mut().poll(&mut context).is_ready());
        });
        met.recv().unwrap();
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut lookup = store.lookup(&console);
        assert!(lookup.as_mut().poll(&mut context).is_pending());
        proceed.send(()).unwrap();
        while !woken.0.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        assert!(lookup.as_mut().poll(&mut context).is_ready());
    });
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Its first call ends within its first poll, which says that it has begun and
/// then waits for the test.
#[derive(Debug)]
struct Meets(Mutex<Option<(SyncSender<()>, Receiver<()>)>>);

#[async_trait]
impl SessionStore for Meets {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let meeting = self.0.lock().unwrap().take();
        if let Some((meet, wait)) = meeting {
            meet.send(()).unwrap();
            wait.recv().unwrap();
        }
        Ok(None)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The lookup that polls the call when it is woken is dropped, and another one
/// is polled meanwhile.
#[test]
fn lookup_dropped_after_a_wake_leaves_the_others_served() {
    let (meet, met) = mpsc::sync_channel(0);
    let (proceed, wait) = mpsc::sync_channel(0);
    let store = WokenWhilePolled(Mutex::new(Some((meet, wait))));
    let store = CachedStore::new(store, CacheConfig::default());
    let console = id("console");
    thread::scope(|scope| {
        let dropped = scope.spawn(|| {
            let mut dropped = store.lookup(&console);
            let mut context = Context::from_waker(Waker::noop());
            // Ready if one of the two completes the call in time.
            let _ = dropped.as_mut().poll(&mut context);
        });
        let call: Waker = met.recv().unwrap();
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut lookup = store.lookup(&console);
        let mut context = Context::from_waker(&waker);
        assert!(lookup.as_mut().poll(&mut context).is_pending());
        call.wake();
        assert!(woken.0.swap(false, Ordering::SeqCst));
        let polled = scope.spawn(move || {
            let mut context = Context::from_waker(&waker);
            let is_ready = lookup.as_mut().poll(&mut context).is_ready();
            (is_ready, lookup)
        });
        proceed.send(()).unwrap();
        dropped.join().unwrap();
        let (is_ready, mut lookup) = polled.join().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let mut is_ready_when_woken =
            || woken.0.load(Ordering::SeqCst) && lookup.as_mut().poll(&mut context).is_ready();
        assert!(is_ready || is_ready_when_woken());
    });
}

/// The first poll of its first call hands out the waker and then waits for the
/// test; the second ends the call.
#[derive(Debug)]
struct WokenWhilePolled(Mutex<Option<(SyncSender<Waker>, Receiver<()>)>>);

#[async_trait]
impl SessionStore for WokenWhilePolled {
    async fn lookup(&self, _: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        poll_fn(|context| match self.0.lock().unwrap().take() {
            Some((meet, wait)) => {
                meet.send(context.waker().clone()).unwrap();
                wait.recv().unwrap();
                Poll::Pending
            }
            None => Poll::Ready(Ok(None)),
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn late_lookup_does_not_get_too_old_a_result() {
    // Of misses nothing is kept, so an absence must have been asked for since.
    let backend = Backend::new();
    let config = CacheConfig::default().negative_ttl(Duration::ZERO);
    let store = Arc::new(cached(&backend, config));
    backend.hold();
    let early = herd(&store, 1);
    settle().await;
    advance_ms(500).await;
    backend.put(console(1));
    let late = herd(&store, 100);
    settle().await;
    assert_eq!(backend.calls(), 1);
    backend.release();
    assert_eq!(early.join_all().await, [None]);
    assert_eq!(late.join_all().await, vec![Some(1); 100]);
    assert_eq!(backend.calls(), 2, "one more call serves all of them");
}

#[tokio::test(start_paused = true)]
async fn each_id_has_its_own_load() {
    let backend = Backend::new();
    let store = cached(&backend, CacheConfig::default());
    for port in 1..=100 {
        let id = id(&format!("session-{port}"));
        backend.put(record(&id, port, Expiry::Never));
        assert_eq!(port_of(&store, &id).await, Some(port));
        assert_eq!(port_of(&store, &id).await, Some(port));
    }
    assert_eq!(backend.calls(), 100);
    assert_eq!(store.stats().hits, 100);
    assert_eq!(store.stats().entries, 100);
}
