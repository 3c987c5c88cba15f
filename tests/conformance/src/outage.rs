//! The `outage` battery, for every [`SessionStore`] whose fixture can
//! [cause an outage](OutageFixture).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dcv_resolver_core::{Expiry, SessionRecord, SessionStore, StoreError};

use crate::OutageFixture;
use crate::fixture::wait_max_staleness;
use crate::sample::{full, id};
use crate::until::until;

#[doc(hidden)]
#[macro_export]
macro_rules! __outage_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            s2_outage_is_an_error_and_not_absence
            s2_outage_ends
            s2_session_is_never_absent_around_an_outage
            ping_fails_during_an_outage
        }
    };
}

__outage_rules! { (crate::macros::check) [OutageFixture<Store: SessionStore>] }

/// Checks S2: during an outage a lookup is an error of a retryable kind, whether
/// or not the store holds the session. A record that is served stale is allowed
/// if it is marked so.
pub async fn s2_outage_is_an_error_and_not_absence<F: OutageFixture>(fixture: &F) {
    let record = full(id("console"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    let found = store.lookup(record.id()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&record));
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);

    cut_off(fixture, &store).await;
    for _ in 0..3 {
        let error = store.lookup(&id("absent")).await.unwrap_err();
        assert!(error.is_retryable(), "an outage ends by itself: {error}");
        let error = store.lookup(&id("other")).await.unwrap_err();
        assert!(error.is_retryable(), "an outage ends by itself: {error}");
        assert_outage(&store.lookup(record.id()).await, &record);
    }
}

/// Checks S2: once the outage is over, the store answers again without being
/// reopened.
pub async fn s2_outage_ends<F: OutageFixture>(fixture: &F) {
    let record = full(id("console"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    for _ in 0..2 {
        cut_off(fixture, &store).await;
        fixture.restore().await;
        until(fixture, "the store does not answer again", || async {
            store.lookup(&id("absent")).await.ok()
        })
        .await;
        let found = until(fixture, "the session is not found again", || async {
            store.lookup(record.id()).await.ok()
        })
        .await;
        assert_eq!(found.as_ref(), Some(&record));
        until(fixture, "the store does not answer pings", || async {
            store.ping().await.ok()
        })
        .await;
    }
}

/// Checks S2: while an outage begins and ends, each lookup finds the session or
/// fails.
pub async fn s2_session_is_never_absent_around_an_outage<F: OutageFixture>(fixture: &F) {
    let record = full(id("console"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = Arc::new(fixture.open().await);
    let over = Arc::new(AtomicBool::new(false));
    let lookups: Vec<_> = (0..4)
        .map(|_| {
            let (store, record) = (Arc::clone(&store), record.clone());
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    if let Ok(found) = store.lookup(record.id()).await {
                        assert_eq!(found.as_ref(), Some(&record));
                    }
                    // A store in memory never does.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        cut_off(fixture, &*store).await;
        fixture.restore().await;
        until(fixture, "the store does not answer again", || async {
            store.lookup(&id("absent")).await.ok()
        })
        .await;
    }
    over.store(true, Ordering::SeqCst);
    for lookup in lookups {
        lookup.await.unwrap();
    }
}

/// Checks [`SessionStore::ping`]: it fails while lookups do.
pub async fn ping_fails_during_an_outage<F: OutageFixture>(fixture: &F) {
    fixture.seed(&[full(id("console"), Expiry::Never)]).await;
    let store = fixture.open().await;
    store.ping().await.unwrap();
    cut_off(fixture, &store).await;
    store.ping().await.unwrap_err();
}

/// Cuts the store off, and waits until it has noticed: an answer that begins
/// later is a failure. Until then absence is right for a session that is not
/// there.
pub(crate) async fn cut_off<F: OutageFixture>(fixture: &F, store: &F::Store) {
    fixture.cut().await;
    wait_max_staleness(fixture).await;
    until(fixture, "a lookup does not fail", || async {
        store.lookup(&id("absent")).await.err()
    })
    .await;
}

#[track_caller]
fn assert_outage(answer: &Result<Option<SessionRecord>, StoreError>, record: &SessionRecord) {
    match answer {
        Err(_) => {}
        Ok(Some(found)) if found.stale_age().is_some() => assert_eq!(found, record),
        Ok(found) => panic!("expected an error, or a record marked as stale: {found:?}"),
    }
}
