//! The `outage_registry` battery, for every [`SessionRegistry`] whose fixture can
//! [cause an outage](OutageFixture).

use std::sync::Arc;

use dcv_resolver_core::{
    Expiry, ListError, RegisterError, RenewError, SessionListing, SessionRegistry, SessionStore,
};

use crate::OutageFixture;
use crate::listing::{by_id, limit, page};
use crate::outage::cut_off;
use crate::sample::{OURS, THEIRS, after, assert_already_exists, full, id, minimal, other};
use crate::until::until;

#[doc(hidden)]
#[macro_export]
macro_rules! __outage_registry_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            l4_outage_does_not_end_a_listing
            r1_register_fails_during_an_outage
            r3_register_is_safe_to_repeat_after_an_outage
            r6_outage_is_not_a_lost_lease
            r8_outage_is_not_an_absent_record
            r9_sweep_fails_during_an_outage
            check_writable_fails_during_an_outage
        }
    };
}

__outage_registry_rules! { (crate::macros::check) [OutageFixture<Store: SessionRegistry>] }

/// Checks L4: during an outage each page is an error, including the first one,
/// and a listing continues after the outage.
pub async fn l4_outage_does_not_end_a_listing<F: OutageFixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let records: Vec<_> = (0..24)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    let mut page = page(&store, None, limit(3)).await;
    let mut listed = page.records;
    cut_off(fixture, &store).await;
    for from in [None, page.next.as_ref()] {
        let answer = store.list(from, limit(3)).await;
        assert!(matches!(answer, Err(ListError::Store(_))), "{answer:?}");
    }
    fixture.restore().await;
    while let Some(next) = page.next {
        page = until(fixture, "the listing does not go on", || async {
            store.list(Some(&next), limit(3)).await.ok()
        })
        .await;
        listed.extend(page.records);
    }
    assert_eq!(by_id(listed), by_id(records));
}

/// Checks R1: during an outage, `register` returns neither `Ok` nor that
/// another lease has the id.
pub async fn r1_register_fails_during_an_outage<F: OutageFixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let taken = full(id("taken"), Expiry::Never);
    store.register(&taken, &THEIRS, t0).await.unwrap();
    cut_off(fixture, &store).await;
    for id in [id("new"), id("taken")] {
        let answer = store.register(&minimal(id, Expiry::Never), &OURS, t0).await;
        assert!(matches!(answer, Err(RegisterError::Store(_))), "{answer:?}");
    }
}

/// Checks R3 and R10: a `register` that an outage interrupts is safe to repeat,
/// whether or not the record was stored.
pub async fn r3_register_is_safe_to_repeat_after_an_outage<
    F: OutageFixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = Arc::new(fixture.open().await);
    for round in 0..3 {
        let records: Vec<_> = (0..8)
            .map(|number| full(id(&format!("round {round}, {number}")), Expiry::Never))
            .collect();
        let registers: Vec<_> = records
            .iter()
            .map(|record| {
                let (store, record) = (Arc::clone(&store), record.clone());
                tokio::spawn(async move { store.register(&record, &OURS, t0).await })
            })
            .collect();
        cut_off(fixture, &*store).await;
        for register in registers {
            let answer = register.await.unwrap();
            assert!(
                matches!(answer, Ok(()) | Err(RegisterError::Store(_))),
                "{answer:?}"
            );
        }
        fixture.restore().await;
        for record in records {
            let repeated = || async {
                match store.register(&record, &OURS, t0).await {
                    Err(RegisterError::Store(_)) => None,
                    answer => Some(answer),
                }
            };
            let answer = until(fixture, "the record is not registered again", repeated).await;
            answer.unwrap();
            let theirs = other(record.id().clone(), Expiry::Never);
            assert_already_exists(&store.register(&theirs, &THEIRS, t0).await);
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found, Some(record));
        }
    }
}

/// Checks R6: during an outage, `renew` returns neither `Ok` nor `LeaseLost`,
/// which would make the owner give up the session. The lease remains.
pub async fn r6_outage_is_not_a_lost_lease<F: OutageFixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(after(t0, 10)));
    store.register(&record, &OURS, t0).await.unwrap();
    cut_off(fixture, &store).await;
    let expiry = Expiry::At(after(t0, 20));
    let answer = store.renew(record.id(), &OURS, expiry, t0).await;
    assert!(matches!(answer, Err(RenewError::Store(_))), "{answer:?}");
    fixture.restore().await;
    let renewed = || async {
        match store.renew(record.id(), &OURS, expiry, t0).await {
            Err(RenewError::Store(_)) => None,
            answer => Some(answer),
        }
    };
    until(fixture, "the lease is not renewed", renewed)
        .await
        .unwrap();
}

/// Checks R8: during an outage, `deregister` returns neither `true` nor
/// `false`, which would mean that there is no such record.
pub async fn r8_outage_is_not_an_absent_record<F: OutageFixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::Never);
    store.register(&record, &OURS, t0).await.unwrap();
    cut_off(fixture, &store).await;
    store.deregister(record.id(), &OURS).await.unwrap_err();
}

/// Checks R9: during an outage, `sweep` does not return that there was nothing to
/// remove.
pub async fn r9_sweep_fails_during_an_outage<F: OutageFixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = full(id("console"), Expiry::At(t0));
    store.register(&record, &OURS, t0).await.unwrap();
    cut_off(fixture, &store).await;
    store.sweep(t0).await.unwrap_err();
}

/// Checks [`SessionRegistry::check_writable`]: it fails while registering does.
pub async fn check_writable_fails_during_an_outage<F: OutageFixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    store.check_writable().await.unwrap();
    cut_off(fixture, &store).await;
    store.check_writable().await.unwrap_err();
}
