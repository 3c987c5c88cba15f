use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore, StoreErrorKind};

use crate::Fixture;
use crate::race::race;
use crate::sample::{OURS, THEIRS, after, assert_kind, full, id, minimal, other};

const RACES: usize = 40;

/// [`SessionRegistry`] rule 9: sweep removes every record that is not live at
/// `now`, the one that ends at `now` too, whosever it is, and counts them.
pub async fn sweep_removes_and_counts_what_is_expired<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let ended = [
        (full(id("long ago"), Expiry::At(t0)), OURS),
        (full(id("just before"), Expiry::At(after(t0, 9))), THEIRS),
        (full(id("now"), Expiry::At(after(t0, 10))), OURS),
    ];
    let live = full(id("live"), Expiry::Never);
    store.register(&live, &OURS, t0).await.unwrap();
    for (record, token) in &ended {
        store.register(record, token, t0).await.unwrap();
    }
    assert_eq!(store.sweep(after(t0, 10)).await.unwrap(), 3);
    for (record, _) in &ended {
        assert_eq!(store.lookup(record.id()).await.unwrap(), None);
    }
    assert_eq!(store.lookup(live.id()).await.unwrap(), Some(live));
}

/// [`SessionRegistry`] rule 9: sweep keeps what is live at `now`, for one more
/// millisecond or for ever, whole and under its lease.
pub async fn sweep_keeps_what_is_live<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let live = [
        full(id("to the end"), Expiry::At(after(t0, 11))),
        full(id("for long"), Expiry::At(after(t0, 1_000_000_000_000))),
        full(id("for ever"), Expiry::Never),
    ];
    for record in &live {
        store.register(record, &OURS, t0).await.unwrap();
    }
    let now = after(t0, 10);
    assert_eq!(store.sweep(now).await.unwrap(), 0);
    for record in live {
        let id = record.id().clone();
        assert_eq!(store.lookup(&id).await.unwrap(), Some(record));
        let theirs = other(id.clone(), Expiry::Never);
        let answer = store.register(&theirs, &THEIRS, now).await;
        assert_kind(&answer, StoreErrorKind::AlreadyExists);
        assert!(store.deregister(&id, &OURS).await.unwrap());
    }
}

/// [`SessionRegistry`] rule 9: what was swept is gone: its lease, its place in
/// the list and, for the next sweep, its count.
pub async fn sweep_frees_the_id<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let ended = full(id.clone(), Expiry::At(t0));
    store.register(&ended, &OURS, t0).await.unwrap();
    assert_eq!(store.sweep(t0).await.unwrap(), 1);
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    let theirs = other(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    assert_eq!(store.lookup(&id).await.unwrap(), Some(theirs));
}

/// [`SessionRegistry`] rule 9: sweeping an empty store removes nothing.
pub async fn sweeping_nothing_is_harmless<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    assert_eq!(store.sweep(t0).await.unwrap(), 0);
    store.ping().await.unwrap();
}

/// [`SessionRegistry`] rule 9: a lease that is renewed in its last millisecond,
/// while another, whose clock is one further, sweeps, is lost or kept: a renew
/// that succeeded is not swept away.
pub async fn sweep_keeps_what_is_renewed_meanwhile<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let id = id(&format!("contended {number}"));
        let record = minimal(id.clone(), Expiry::At(after(t0, 10)));
        store.register(&record, &OURS, t0).await.unwrap();
        let renewed = race((0..4).map(|turn| {
            let (store, id) = (Arc::clone(&store), id.clone());
            async move {
                if turn != 2 {
                    store.sweep(after(t0, 10)).await.unwrap();
                    return false;
                }
                let expiry = Expiry::At(after(t0, 99));
                let answer = store.renew(&id, &OURS, expiry, after(t0, 9)).await;
                if answer.is_err() {
                    assert_kind(&answer, StoreErrorKind::LeaseLost);
                }
                answer.is_ok()
            }
        }))
        .await;
        let found = store.lookup(&id).await.unwrap();
        let kept = renewed[2].then(|| record.with_expiry(Expiry::At(after(t0, 99))));
        assert_eq!(found, kept, "the renew succeeded: {}", renewed[2]);
    }
}

/// [`SessionRegistry`] rule 9: a record that is registered over an expired one
/// while others sweep is not swept with it.
pub async fn sweep_keeps_what_is_registered_meanwhile<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let now = after(t0, 10);
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let id = id(&format!("contended {number}"));
        let ended = full(id.clone(), Expiry::At(now));
        store.register(&ended, &THEIRS, t0).await.unwrap();
        let record = minimal(id.clone(), Expiry::At(after(t0, 11)));
        race((0..4).map(|turn| {
            let (store, record) = (Arc::clone(&store), record.clone());
            async move {
                if turn == 2 {
                    store.register(&record, &OURS, now).await.unwrap();
                } else {
                    store.sweep(now).await.unwrap();
                }
            }
        }))
        .await;
        assert_eq!(store.lookup(&id).await.unwrap(), Some(record));
        assert!(store.deregister(&id, &OURS).await.unwrap());
    }
}
