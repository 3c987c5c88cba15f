use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore};

use crate::Fixture;
use crate::race::race;
use crate::sample::{OURS, THEIRS, assert_lease_lost, full, id, minimal, other};

const RACES: usize = 20;

/// Checks R8: under another token, `deregister` returns `false` and changes
/// nothing; under the same token, it returns `true` and removes only that
/// record.
pub async fn r8_only_the_owner_deregisters<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::Never);
    let neighbour = minimal(id("neighbour"), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    store.register(&neighbour, &OURS, t0).await.unwrap();

    assert!(!store.deregister(record.id(), &THEIRS).await.unwrap());
    let found = store.lookup(record.id()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&record));
    assert!(store.deregister(record.id(), &OURS).await.unwrap());
    assert_eq!(store.lookup(record.id()).await.unwrap(), None);
    let found = store.lookup(neighbour.id()).await.unwrap();
    assert_eq!(found, Some(neighbour));
}

/// Checks R8: `deregister` of an absent record returns `false`.
pub async fn r8_repeated_deregister_is_harmless<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    let record = minimal(id.clone(), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    assert!(store.deregister(&id, &OURS).await.unwrap());
    for _ in 0..2 {
        assert!(!store.deregister(&id, &OURS).await.unwrap());
        assert_eq!(store.lookup(&id).await.unwrap(), None);
    }
}

/// Checks R8: the owner can remove a record, live or not.
pub async fn r8_owner_deregisters_an_expired_record<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(t0));
    store.register(&record, &OURS, t0).await.unwrap();
    assert!(!store.deregister(record.id(), &THEIRS).await.unwrap());
    let found = store.lookup(record.id()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&record));
    assert!(store.deregister(record.id(), &OURS).await.unwrap());
    assert_eq!(store.lookup(record.id()).await.unwrap(), None);
}

/// Checks R8 and R6: after `deregister` another owner can register the id, and the
/// old token is invalid.
pub async fn r8_deregistered_id_is_free<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let ours = full(id.clone(), Expiry::Never);
    store.register(&ours, &OURS, t0).await.unwrap();
    assert!(store.deregister(&id, &OURS).await.unwrap());
    let answer = store.renew(&id, &OURS, Expiry::Never, t0).await;
    assert_lease_lost(&answer);
    assert_eq!(store.lookup(&id).await.unwrap(), None);

    let theirs = other(id.clone(), Expiry::Never);
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    assert_eq!(store.lookup(&id).await.unwrap(), Some(theirs));
}

/// Checks R8: exactly one of many concurrent `deregister` calls removes the
/// record.
pub async fn r8_one_of_concurrent_deregisters_removes<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let id = id(&format!("contended {number}"));
        let record = minimal(id.clone(), Expiry::Never);
        store.register(&record, &OURS, t0).await.unwrap();
        let answers = race((0..16).map(|_| {
            let (store, id) = (Arc::clone(&store), id.clone());
            async move { store.deregister(&id, &OURS).await.unwrap() }
        }))
        .await;
        let removed = answers.into_iter().filter(|removed| *removed).count();
        assert_eq!(
            removed, 1,
            "how many calls report that they removed the record"
        );
        assert_eq!(store.lookup(&id).await.unwrap(), None);
    }
}

/// Checks R8 and R6: a concurrent `renew` does not restore what `deregister`
/// removed.
pub async fn r8_concurrent_renew_does_not_restore_a_deregistered_record<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for number in 0..RACES {
        let id = id(&format!("contended {number}"));
        let record = minimal(id.clone(), Expiry::Never);
        store.register(&record, &OURS, t0).await.unwrap();
        let removed = race((0..8).map(|turn| {
            let (store, id) = (Arc::clone(&store), id.clone());
            async move {
                if turn == 4 {
                    return store.deregister(&id, &OURS).await.unwrap();
                }
                let answer = store.renew(&id, &OURS, Expiry::Never, t0).await;
                if answer.is_err() {
                    assert_lease_lost(&answer);
                }
                false
            }
        }))
        .await;
        assert!(removed[4], "deregister by the owner removes the record");
        assert_eq!(store.lookup(&id).await.unwrap(), None);
    }
}
