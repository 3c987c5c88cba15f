use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionRegistry, SessionStore, StoreErrorKind};

use crate::Fixture;
use crate::race::race;
use crate::sample::{OURS, THEIRS, assert_kind, full, id, minimal, other};

const RACES: usize = 20;

/// [`SessionRegistry`] rule 8: under another token, deregister is `false` and
/// changes nothing; under the same, it is `true` and removes that one record.
pub async fn only_the_owner_deregisters<F: Fixture<Store: SessionRegistry>>(fixture: F) {
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

/// [`SessionRegistry`] rule 8: of what is not there, deregister is `false`.
pub async fn deregistering_again_is_harmless<F: Fixture<Store: SessionRegistry>>(fixture: F) {
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

/// [`SessionRegistry`] rule 8: a record is its owner's to remove, live or not.
pub async fn an_expired_record_is_deregistered_by_its_owner<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
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

/// [`SessionRegistry`] rules 8 and 6: after deregister the id is another's to
/// register, and the old token is worth nothing.
pub async fn a_deregistered_id_is_free<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let id = id("console");
    let ours = full(id.clone(), Expiry::Never);
    store.register(&ours, &OURS, t0).await.unwrap();
    assert!(store.deregister(&id, &OURS).await.unwrap());
    let answer = store.renew(&id, &OURS, Expiry::Never, t0).await;
    assert_kind(&answer, StoreErrorKind::LeaseLost);
    assert_eq!(store.lookup(&id).await.unwrap(), None);

    let theirs = other(id.clone(), Expiry::Never);
    store.register(&theirs, &THEIRS, t0).await.unwrap();
    assert!(!store.deregister(&id, &OURS).await.unwrap());
    assert_eq!(store.lookup(&id).await.unwrap(), Some(theirs));
}

/// [`SessionRegistry`] rule 8: of many that deregister at the same time, one
/// removes the record.
pub async fn of_concurrent_deregisters_one_removes<F: Fixture<Store: SessionRegistry>>(fixture: F) {
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
        assert_eq!(removed, 1, "how many say that they removed the record");
        assert_eq!(store.lookup(&id).await.unwrap(), None);
    }
}

/// [`SessionRegistry`] rules 6 and 8: a renew at the same time does not bring
/// back what deregister removed.
pub async fn a_record_is_not_renewed_back_into_being<F: Fixture<Store: SessionRegistry>>(
    fixture: F,
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
                    assert_kind(&answer, StoreErrorKind::LeaseLost);
                }
                false
            }
        }))
        .await;
        assert!(removed[4], "the owner's deregister removes the record");
        assert_eq!(store.lookup(&id).await.unwrap(), None);
    }
}
