//! Several threads at once.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{
    ChangeEvent, Expiry, SessionId, SessionRecord, SessionStore, StoreError, Timestamp, async_trait,
};
use tokio::time::Instant;

use crate::support::{id, record};

/// A store whose one record is a number, in the place of its expiry.
#[derive(Debug)]
struct Number(AtomicI64);

#[async_trait]
impl SessionStore for Number {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let number = self.0.load(Ordering::SeqCst);
        let expiry = Expiry::At(Timestamp::from_unix_ms(number));
        Ok(Some(record(id, 1, expiry)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What is served; `None` while another thread is about to complete the call.
fn served(store: &CachedStore<Number>, id: &SessionId) -> Option<i64> {
    let mut context = Context::from_waker(Waker::noop());
    match store.lookup(id).as_mut().poll(&mut context) {
        Poll::Pending => None,
        Poll::Ready(found) => match found.unwrap().unwrap().expiry() {
            Expiry::At(number) => Some(number.as_unix_ms()),
            Expiry::Never => unreachable!("every record has a number"),
        },
    }
}

#[test]
fn no_thread_is_served_a_record_known_to_have_changed() {
    const FIRST: i64 = 1 << 50;
    const LAST: i64 = FIRST + 50_000;
    let config = CacheConfig::default().max_staleness(Duration::from_secs(3600));
    let store = CachedStore::new(Number(AtomicI64::new(FIRST)), config);
    let listener = store.listener();
    let now = || Instant::now().into_std();
    listener.on_change(ChangeEvent::CaughtUp(now()));
    let console = id("console");
    let reported = AtomicI64::new(FIRST);
    // Counted, since a panic on one thread would keep the others waiting.
    let wrong = AtomicUsize::new(0);
    let look = || {
        let known = reported.load(Ordering::SeqCst);
        if served(&store, &console).is_some_and(|found| found < known) {
            wrong.fetch_add(1, Ordering::SeqCst);
        }
        known
    };

    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| while look() < LAST {});
        }
        for number in FIRST + 1..=LAST {
            store.store().0.store(number, Ordering::SeqCst);
            match number % 6 {
                0 => {
                    listener.on_change(ChangeEvent::Disconnected);
                    listener.on_change(ChangeEvent::AllChanged);
                    listener.on_change(ChangeEvent::CaughtUp(now()));
                }
                1 => listener.on_change(ChangeEvent::AllChanged),
                // TTLs apply, and then they do not.
                2 => listener.on_change(ChangeEvent::Unsupported),
                3 => {
                    listener.on_change(ChangeEvent::AllChanged);
                    listener.on_change(ChangeEvent::CaughtUp(now()));
                }
                _ => listener.on_change(ChangeEvent::Changed(&console)),
            }
            reported.store(number, Ordering::SeqCst);
            // Time for what was under way to come too late.
            for _ in 0..10 {
                look();
            }
        }
    });
    assert_eq!(
        wrong.into_inner(),
        0,
        "lookups returned what was known to have changed"
    );
    assert!(store.stats().hits > 0);
}
