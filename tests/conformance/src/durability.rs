//! The `durability` battery: what a registry that outlives the process keeps.
//!
//! No contract asks for it. A registry that runs this battery promises that
//! what a call has answered `Ok` to is there when the place is opened again.

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore, StoreErrorKind};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all};
use crate::sample::{OURS, THEIRS, after, assert_kind, full, id, minimal, other, varied};

#[doc(hidden)]
#[macro_export]
macro_rules! __durability_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            records_are_there_after_reopening
            tokens_are_there_after_reopening
            changes_are_there_after_reopening
            what_is_gone_stays_gone_after_reopening
        }
    };
}

/// [`SessionStore`] rules 3 and 5, after opening again: every record is there
/// as it went in, expired ones too.
pub async fn records_are_there_after_reopening<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let mut records = varied();
    records.push(full(id("expired"), Expiry::At(t0)));
    for record in &records {
        store.register(record, &OURS, t0).await.unwrap();
    }
    drop(store);
    let store = fixture.open().await;
    for record in &records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }
    assert_eq!(list_all(&store, limit(10)).await, by_id(records));
}

/// [`SessionRegistry`] rules 2, 6 and 8, after opening again: the lease is its
/// owner's and nobody else's.
pub async fn tokens_are_there_after_reopening<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let ours = full(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&ours, &OURS, t0).await.unwrap();
    drop(store);
    let store = fixture.open().await;

    let now = after(t0, 9);
    let theirs = other(id.clone(), Expiry::Never);
    let answer = store.register(&theirs, &THEIRS, now).await;
    assert_kind(&answer, StoreErrorKind::AlreadyExists);
    let answer = store.renew(&id, &THEIRS, Expiry::Never, now).await;
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let expiry = Expiry::At(after(t0, 20));
    store.renew(&id, &OURS, expiry, now).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// [`SessionRegistry`] rules 3, 4 and 7, after opening again: the last of
/// several records is there, under the last lease and with the last expiry.
pub async fn changes_are_there_after_reopening<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let first = full(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&first, &OURS, t0).await.unwrap();
    let second = minimal(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&second, &OURS, t0).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.lookup(&id).await.unwrap(), Some(second));

    let third = other(id.clone(), Expiry::At(after(t0, 20)));
    store
        .register(&third, &THEIRS, after(t0, 10))
        .await
        .unwrap();
    let expiry = Expiry::At(after(t0, 30));
    store
        .renew(&id, &THEIRS, expiry, after(t0, 10))
        .await
        .unwrap();
    drop(store);
    let store = fixture.open().await;
    let found = store.lookup(&id).await.unwrap();
    assert_eq!(found, Some(third.with_expiry(expiry)));
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    assert!(store.deregister(&id, &THEIRS).await.unwrap());
}

/// [`SessionRegistry`] rules 8 and 9, after opening again: neither what was
/// deregistered nor what was swept is back.
pub async fn what_is_gone_stays_gone_after_reopening<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let removed = full(id("removed"), Expiry::Never);
    let swept = full(id("swept"), Expiry::At(t0));
    let kept = full(id("kept"), Expiry::Never);
    for record in [&removed, &swept, &kept] {
        store.register(record, &OURS, t0).await.unwrap();
    }
    assert!(store.deregister(removed.id(), &OURS).await.unwrap());
    assert_eq!(store.sweep(t0).await.unwrap(), 1);
    drop(store);
    let store = fixture.open().await;
    assert_eq!(store.lookup(removed.id()).await.unwrap(), None);
    assert_eq!(store.lookup(swept.id()).await.unwrap(), None);
    assert_eq!(list_all(&store, limit(10)).await, by_id([kept]));
}
