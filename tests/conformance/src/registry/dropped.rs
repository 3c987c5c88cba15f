//! Dropped calls.
//!
//! Callers drop a future when their time budget ends, at any await point. Each
//! rule drops it after no poll, after one, after two and so on, and then looks
//! at the result. The store may still be executing the dropped call, so a rule
//! continues with a call that has the same result in either case.

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore};

use crate::Fixture;
use crate::listing::{limit, list_all};
use crate::partial::drop_after;
use crate::sample::{OURS, THEIRS, after, assert_already_exists, full, id, other};

/// More polls than a call needs, and enough rounds to exhaust a resource that a
/// dropped call does not return.
const MOST_POLLS: usize = 12;
const ROUNDS: usize = 5;

fn rounds() -> impl Iterator<Item = (usize, String)> {
    (0..ROUNDS).flat_map(|round| {
        (0..MOST_POLLS).map(move |polls| (polls, format!("round {round}, {polls} polls")))
    })
}

/// Checks R10: a dropped `register` of a free id has stored the whole record or
/// nothing, and registering again is safe.
pub async fn r10_dropped_register_stores_the_record_or_nothing<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let record = full(id(&name), Expiry::Never);
        drop_after(polls, store.register(&record, &OURS, t0)).await;
        if let Some(found) = store.lookup(record.id()).await.unwrap() {
            assert_eq!(found, record);
        }
        store.register(&record, &OURS, t0).await.unwrap();
        let theirs = other(id(&name), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, t0).await;
        assert_already_exists(&answer);
        assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    }
}

/// Checks R10: a dropped `register` over an expired record leaves the old record or
/// the new one.
pub async fn r10_dropped_register_leaves_the_old_record_or_the_new<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let old = full(id(&name), Expiry::At(after(t0, 10)));
        store.register(&old, &THEIRS, t0).await.unwrap();
        let now = after(t0, 10);
        let new = other(id(&name), Expiry::Never);
        drop_after(polls, store.register(&new, &OURS, now)).await;
        let found = store.lookup(old.id()).await.unwrap();
        assert!(
            found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
            "neither the old record nor the new one: {found:?}"
        );
        store.register(&new, &OURS, now).await.unwrap();
        assert_eq!(store.lookup(new.id()).await.unwrap(), Some(new));
    }
}

/// Checks R10: a dropped `renew` has changed the expiry or nothing, and the lease
/// remains.
pub async fn r10_dropped_renew_changes_the_expiry_or_nothing<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let old = full(id(&name), Expiry::At(after(t0, 10)));
        store.register(&old, &OURS, t0).await.unwrap();
        let expiry = Expiry::At(after(t0, 20));
        let new = old.clone().with_expiry(expiry);
        drop_after(polls, store.renew(old.id(), &OURS, expiry, t0)).await;
        let found = store.lookup(old.id()).await.unwrap();
        assert!(
            found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
            "neither the old expiry nor the new one: {found:?}"
        );
        store.renew(old.id(), &OURS, expiry, t0).await.unwrap();
        assert_eq!(store.lookup(old.id()).await.unwrap(), Some(new));
    }
}

/// Checks R10: a dropped `deregister` has removed the record or changed nothing.
pub async fn r10_dropped_deregister_removes_the_record_or_nothing<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let record = full(id(&name), Expiry::Never);
        store.register(&record, &OURS, t0).await.unwrap();
        drop_after(polls, store.deregister(record.id(), &OURS)).await;
        if let Some(found) = store.lookup(record.id()).await.unwrap() {
            assert_eq!(found, record);
        }
        store.deregister(record.id(), &OURS).await.unwrap();
        assert_eq!(store.lookup(record.id()).await.unwrap(), None);
    }
}

/// Checks R10 and R9: a dropped `sweep` has removed some expired records and no
/// live one.
pub async fn r10_dropped_sweep_keeps_live_records<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let live = full(id("live"), Expiry::At(after(t0, 11)));
    store.register(&live, &OURS, t0).await.unwrap();
    let now = after(t0, 10);
    for (polls, name) in rounds() {
        let ended = full(id(&name), Expiry::At(now));
        store.register(&ended, &OURS, t0).await.unwrap();
        drop_after(polls, store.sweep(now)).await;
        if let Some(found) = store.lookup(ended.id()).await.unwrap() {
            assert_eq!(found, ended);
        }
        assert_eq!(store.lookup(live.id()).await.unwrap().as_ref(), Some(&live));
    }
    store.sweep(now).await.unwrap();
    let left = list_all(&store, limit(100)).await;
    assert_eq!(left.into_values().collect::<Vec<_>>(), [live]);
}
