use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore};

use crate::Fixture;
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other,
};

const RACES: usize = 40;

/// Checks R6: under another token `renew` is refused and changes nothing.
pub async fn r6_only_the_owner_renews<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for expiry in [Expiry::Never, Expiry::At(after(t0, 99)), Expiry::At(t0)] {
        let answer = store.renew(record.id(), &THEIRS, expiry, t0).await;
        assert_lease_lost(&answer);
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
}

/// Checks R6: `renew` of an absent record is refused and stores nothing.
pub async fn r6_absent_record_is_not_renewed<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let other = minimal(id("another"), Expiry::Never);
    store.register(&other, &OURS, t0).await.unwrap();
    let answer = store.renew(&id("console"), &OURS, Expiry::Never, t0).await;
    assert_lease_lost(&answer);
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);
}

/// Checks R6: from the very instant of the expiry even the owner's `renew` is
/// refused and changes nothing.
pub async fn r6_expired_lease_is_not_renewed<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    for now in [after(t0, 10), after(t0, 11), after(t0, 10_000)] {
        for expiry in [Expiry::Never, Expiry::At(after(t0, 99_999))] {
            let answer = store.renew(record.id(), &OURS, expiry, now).await;
            assert_lease_lost(&answer);
        }
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
}

/// Checks R6: one millisecond before its expiry a lease can be renewed, repeatedly.
pub async fn r6_lease_is_renewed_in_its_last_millisecond<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
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

/// Checks R7: the expiry becomes later, earlier or never, and every other field
/// stays the same.
pub async fn r7_renew_changes_only_the_expiry<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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
        // The token is unchanged, too.
        assert!(store.deregister(record.id(), &OURS).await.unwrap());
    }
    let found = store.lookup(neighbour.id()).await.unwrap();
    assert_eq!(found, Some(neighbour));
}

/// Checks R7 and R4: a lease that is renewed to end at `now` is over, and the
/// record is still there.
pub async fn r7_lease_can_be_shortened<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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

/// Checks S6: a lease expires on time, no matter how often its record is looked
/// up.
pub async fn s6_lookup_does_not_extend_a_lease<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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

/// Checks R4 and R6: when the owner renews in the last millisecond, and another,
/// whose clock is one millisecond ahead, registers, one of them is refused.
pub async fn r6_renew_and_register_do_not_both_win<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
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
                    Ok(store.renew(&id, &OURS, renewed_until, now).await)
                } else {
                    let now = after(t0, 10);
                    Err(store.register(&theirs, &THEIRS, now).await)
                }
            }
        }))
        .await;

        let mut renewed = 0;
        let mut registered = 0;
        for answer in answers {
            match answer {
                Ok(Ok(())) => renewed += 1,
                Err(Ok(())) => registered += 1,
                Ok(answer) => assert_lease_lost(&answer),
                Err(answer) => assert_already_exists(&answer),
            }
        }
        // Each side repeats its call, which is harmless.
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
