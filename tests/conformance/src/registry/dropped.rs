//! Callers give up when their time budget ends, at any await point. Each rule
//! gives up after no poll, after one, after two and so on, and asks then what
//! is there. What is given up may still be under way inside the store, so a
//! rule goes on with what leads to the same end either way.

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore, StoreErrorKind};

use crate::Fixture;
use crate::listing::{limit, list_all};
use crate::partial::give_up_after;
use crate::sample::{OURS, THEIRS, after, assert_kind, full, id, other};

/// More polls than a call needs, and enough rounds to use up whatever a call
/// that is given up fails to hand back.
const MOST_POLLS: usize = 12;
const ROUNDS: usize = 5;

fn rounds() -> impl Iterator<Item = (usize, String)> {
    (0..ROUNDS).flat_map(|round| {
        (0..MOST_POLLS).map(move |polls| (polls, format!("round {round}, {polls} polls")))
    })
}

/// [`SessionRegistry`] rule 10: a register of a free id that is given up has
/// stored the whole record or nothing, and registering again is safe.
pub async fn a_dropped_register_is_whole_or_absent<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let record = full(id(&name), Expiry::Never);
        give_up_after(polls, store.register(&record, &OURS, t0)).await;
        if let Some(found) = store.lookup(record.id()).await.unwrap() {
            assert_eq!(found, record);
        }
        store.register(&record, &OURS, t0).await.unwrap();
        let theirs = other(id(&name), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, t0).await;
        assert_kind(&answer, StoreErrorKind::AlreadyExists);
        assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    }
}

/// [`SessionRegistry`] rule 10: a register over an expired record that is given
/// up leaves the old record or the new one.
pub async fn a_dropped_register_over_a_record_leaves_one_of_both<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let old = full(id(&name), Expiry::At(after(t0, 10)));
        store.register(&old, &THEIRS, t0).await.unwrap();
        let now = after(t0, 10);
        let new = other(id(&name), Expiry::Never);
        give_up_after(polls, store.register(&new, &OURS, now)).await;
        let found = store.lookup(old.id()).await.unwrap();
        assert!(
            found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
            "neither the old record nor the new one: {found:?}"
        );
        store.register(&new, &OURS, now).await.unwrap();
        assert_eq!(store.lookup(new.id()).await.unwrap(), Some(new));
    }
}

/// [`SessionRegistry`] rule 10: a renew that is given up has changed the expiry
/// or nothing, and the lease is still there.
pub async fn a_dropped_renew_changes_the_expiry_or_nothing<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let old = full(id(&name), Expiry::At(after(t0, 10)));
        store.register(&old, &OURS, t0).await.unwrap();
        let expiry = Expiry::At(after(t0, 20));
        let new = old.clone().with_expiry(expiry);
        give_up_after(polls, store.renew(old.id(), &OURS, expiry, t0)).await;
        let found = store.lookup(old.id()).await.unwrap();
        assert!(
            found.as_ref() == Some(&old) || found.as_ref() == Some(&new),
            "neither the old expiry nor the new one: {found:?}"
        );
        store.renew(old.id(), &OURS, expiry, t0).await.unwrap();
        assert_eq!(store.lookup(old.id()).await.unwrap(), Some(new));
    }
}

/// [`SessionRegistry`] rule 10: a deregister that is given up has removed the
/// record or left it whole.
pub async fn a_dropped_deregister_removes_or_keeps<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for (polls, name) in rounds() {
        let record = full(id(&name), Expiry::Never);
        store.register(&record, &OURS, t0).await.unwrap();
        give_up_after(polls, store.deregister(record.id(), &OURS)).await;
        if let Some(found) = store.lookup(record.id()).await.unwrap() {
            assert_eq!(found, record);
        }
        store.deregister(record.id(), &OURS).await.unwrap();
        assert_eq!(store.lookup(record.id()).await.unwrap(), None);
    }
}

/// [`SessionRegistry`] rules 10 and 9: a sweep that is given up has removed
/// some of what is expired, and nothing that is live.
pub async fn a_dropped_sweep_keeps_what_is_live<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let live = full(id("live"), Expiry::At(after(t0, 11)));
    store.register(&live, &OURS, t0).await.unwrap();
    let now = after(t0, 10);
    for (polls, name) in rounds() {
        let ended = full(id(&name), Expiry::At(now));
        store.register(&ended, &OURS, t0).await.unwrap();
        give_up_after(polls, store.sweep(now)).await;
        if let Some(found) = store.lookup(ended.id()).await.unwrap() {
            assert_eq!(found, ended);
        }
        assert_eq!(store.lookup(live.id()).await.unwrap().as_ref(), Some(&live));
    }
    store.sweep(now).await.unwrap();
    let left = list_all(&store, limit(100)).await;
    assert_eq!(left.into_values().collect::<Vec<_>>(), [live]);
}
