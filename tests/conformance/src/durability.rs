//! The `durability` battery, for a registry that survives a restart.
//!
//! No contract requires it. A registry that runs this battery guarantees that
//! the effects of a call that returned `Ok` are still there after it is opened
//! again.

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all};
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other, varied,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __durability_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            s3_records_are_unchanged_after_reopening
            r2_leases_hold_after_reopening
            r3_last_change_holds_after_reopening
            r8_removed_records_are_absent_after_reopening
        }
    };
}

__durability_rules! { (crate::macros::check) [Fixture<Store: SessionRegistry>] }

/// Checks S3 and S5 after the store was opened again: every record is unchanged,
/// expired ones too.
pub async fn s3_records_are_unchanged_after_reopening<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
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

/// Checks R2, R6 and R8 after the store was opened again: only its owner has the
/// lease.
pub async fn r2_leases_hold_after_reopening<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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
    assert_already_exists(&answer);
    let answer = store.renew(&id, &THEIRS, Expiry::Never, now).await;
    assert_lease_lost(&answer);
    assert!(!store.deregister(&id, &THEIRS).await.unwrap());
    let expiry = Expiry::At(after(t0, 20));
    store.renew(&id, &OURS, expiry, now).await.unwrap();
    drop(store);
    let store = fixture.open().await;
    assert!(store.deregister(&id, &OURS).await.unwrap());
}

/// Checks R3, R4 and R7 after the store was opened again: the last of several
/// records is there, with the last lease and the last expiry.
pub async fn r3_last_change_holds_after_reopening<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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

/// Checks R8 and R9 after the store was opened again: records that were
/// deregistered or swept do not return.
pub async fn r8_removed_records_are_absent_after_reopening<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
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
