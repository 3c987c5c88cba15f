use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore, StoreErrorKind};

use crate::Fixture;
use crate::race::race;
use crate::sample::{OURS, THEIRS, after, assert_kind, full, id, minimal, other};

const RACES: usize = 40;

/// [`SessionRegistry`] rule 6: under another token, renew is `LeaseLost` and
/// changes nothing.
pub async fn only_the_owner_renews<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for expiry in [Expiry::Never, Expiry::At(after(t0, 99)), Expiry::At(t0)] {
        let answer = store.renew(record.id(), &THEIRS, expiry, t0).await;
        assert_kind(&answer, StoreErrorKind::LeaseLost);
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
}

/// [`SessionRegistry`] rule 6: renewing what is not there is `LeaseLost`, and
/// puts nothing there.
pub async fn an_absent_record_is_not_renewed<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let other = minimal(id("another"), Expiry::Never);
    store.register(&other, &OURS, t0).await.unwrap();
    let answer = store.renew(&id("console"), &OURS, Expiry::Never, t0).await;
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);
}

/// [`SessionRegistry`] rule 6: from the very instant of the expiry on, even the
/// owner's renew is `LeaseLost`, and changes nothing.
pub async fn an_expired_lease_is_not_revived<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for now in [after(t0, 10), after(t0, 11), after(t0, 10_000)] {
        for expiry in [Expiry::Never, Expiry::At(after(t0, 99_999))] {
            let answer = store.renew(record.id(), &OURS, expiry, now).await;
            assert_kind(&answer, StoreErrorKind::LeaseLost);
        }
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
}

/// [`SessionRegistry`] rule 6: one millisecond before the expiry the lease is
/// still there to be renewed, again and again.
pub async fn a_lease_is_renewed_to_its_last_millisecond<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let record = minimal(id.clone(), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for tens in 1..5 {
        let expiry = Expiry::At(after(t0, 10 * tens + 10));
        let last = after(t0, 10 * tens - 1);
        store.renew(&id, &OURS, expiry, last).await.unwrap();
        let found = store.lookup(&id).await.unwrap();
        assert_eq!(found, Some(record.clone().with_expiry(expiry)));
    }
}

/// [`SessionRegistry`] rule 7: later, earlier, never, and back again: the
/// expiry is the new one, and every other field what it was.
pub async fn renew_changes_the_expiry_and_nothing_else<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let neighbour = full(id("neighbour"), Expiry::At(after(t0, 50)));
    store.register(&neighbour, &OURS, t0).await.unwrap();
    for record in [
        full(id("full"), Expiry::At(after(t0, 50))),
        minimal(id("minimal"), Expiry::At(after(t0, 50))),
        other(id("other"), Expiry::Never),
    ] {
        store.register(&record, &OURS, t0).await.unwrap();
        for expiry in [
            Expiry::At(after(t0, 99)),
            Expiry::At(after(t0, 20)),
            Expiry::Never,
            Expiry::Never,
            Expiry::At(after(t0, 1)),
        ] {
            store.renew(record.id(), &OURS, expiry, t0).await.unwrap();
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found, Some(record.clone().with_expiry(expiry)));
        }
        // The token is what it was, too.
        assert!(store.deregister(record.id(), &OURS).await.unwrap());
    }
    let found = store.lookup(neighbour.id()).await.unwrap();
    assert_eq!(found, Some(neighbour));
}

/// [`SessionRegistry`] rules 7 and 4: renewed to end at `now`, a lease is over,
/// and the record is still there.
pub async fn a_lease_can_be_cut_short<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let record = full(id.clone(), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    let now = after(t0, 5);
    store.renew(&id, &OURS, Expiry::At(now), now).await.unwrap();
    let found = store.lookup(&id).await.unwrap();
    assert_eq!(found, Some(record.with_expiry(Expiry::At(now))));
    let theirs = other(id, Expiry::Never);
    store.register(&theirs, &THEIRS, now).await.unwrap();
}

/// [`SessionStore`] rule 6: a lease ends when
/// it was to end, however often it is looked up.
pub async fn looking_up_does_not_extend_a_lease<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for _ in 0..20 {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
    }
    let theirs = other(id("console"), Expiry::Never);
    store
        .register(&theirs, &THEIRS, after(t0, 10))
        .await
        .unwrap();
}

/// [`SessionRegistry`] rules 4 and 6: when the owner renews in the last
/// millisecond, and another, whose clock is one further, registers, one of
/// them is refused.
pub async fn renew_and_register_do_not_both_win<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let id = id(&format!("contended {number}"));
        let ours = full(id.clone(), Expiry::At(after(t0, 10)));
        store.register(&ours, &OURS, t0).await.unwrap();
        let theirs = other(id.clone(), Expiry::Never);
        let renewed_until = Expiry::At(after(t0, 99));
        let answers = race((0..8).map(|turn| {
            let (store, id, theirs) = (Arc::clone(&store), id.clone(), theirs.clone());
            async move {
                if turn % 2 == 0 {
                    let now = after(t0, 9);
                    (true, store.renew(&id, &OURS, renewed_until, now).await)
                } else {
                    let now = after(t0, 10);
                    (false, store.register(&theirs, &THEIRS, now).await)
                }
            }
        }))
        .await;

        let mut renewed = 0;
        let mut registered = 0;
        for (renews, answer) in answers {
            match (renews, &answer) {
                (true, Ok(())) => renewed += 1,
                (false, Ok(())) => registered += 1,
                (true, Err(_)) => assert_kind(&answer, StoreErrorKind::LeaseLost),
                (false, Err(_)) => assert_kind(&answer, StoreErrorKind::AlreadyExists),
            }
        }
        // Each side repeats itself, which is harmless.
        assert!(
            (renewed, registered) == (4, 0) || (renewed, registered) == (0, 4),
            "{renewed} of 4 renews and {registered} of 4 registers succeeded"
        );
        let winner = if renewed > 0 {
            ours.with_expiry(renewed_until)
        } else {
            theirs
        };
        assert_eq!(store.lookup(&id).await.unwrap(), Some(winner));
    }
}
