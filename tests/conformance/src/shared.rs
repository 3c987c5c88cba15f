//! The `shared` battery, for a registry that several processes open at the same
//! time. Each rule opens several stores on one fixture.

use std::sync::Arc;

use dcv_resolver_core::{Expiry, LeaseToken, SessionRegistry, SessionStore};

use crate::fixture::{self, Fixture};
use crate::listing::{by_id, limit, list_all};
use crate::race::race;
use crate::sample::{
    OURS, THEIRS, after, assert_already_exists, assert_lease_lost, full, id, minimal, other,
};

#[doc(hidden)]
#[macro_export]
macro_rules! __shared_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            r1_change_is_visible_through_another_store
            r2_lease_holds_through_another_store
            r5_one_of_registers_through_different_stores_wins
        }
    };
}

__shared_rules! { (crate::macros::check) [Fixture<Store: SessionRegistry>] }

/// Checks R1, R7, R8, R9 and L1 through another store: once the call has returned,
/// and the [maximum staleness] has passed if there is one, the change is visible.
///
/// [maximum staleness]: Fixture::max_staleness
pub async fn r1_change_is_visible_through_another_store<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let writer = fixture.open().await;
    let reader = fixture.open().await;
    let id = id("console");
    for round in 0..10 {
        assert_eq!(reader.lookup(&id).await.unwrap(), None);
        let record = full(id.clone(), Expiry::At(after(t0, 10)));
        writer.register(&record, &OURS, t0).await.unwrap();
        fixture::wait_max_staleness(fixture).await;
        let found = reader.lookup(&id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));

        let expiry = Expiry::At(after(t0, 20));
        writer.renew(&id, &OURS, expiry, t0).await.unwrap();
        let record = record.with_expiry(expiry);
        fixture::wait_max_staleness(fixture).await;
        let found = reader.lookup(&id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
        assert_eq!(list_all(&reader, limit(10)).await, by_id([record]));

        if round % 2 == 0 {
            assert!(writer.deregister(&id, &OURS).await.unwrap());
        } else {
            assert_eq!(writer.sweep(after(t0, 20)).await.unwrap(), 1);
        }
        fixture::wait_max_staleness(fixture).await;
    }
    assert!(list_all(&reader, limit(10)).await.is_empty());
}

/// Checks R2, R6 and R8 through another store: only its owner has the lease.
pub async fn r2_lease_holds_through_another_store<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
    let t0 = fixture.t0();
    let one = fixture.open().await;
    let another = fixture.open().await;
    let id = id("console");
    let ours = full(id.clone(), Expiry::At(after(t0, 10)));
    one.register(&ours, &OURS, t0).await.unwrap();
    let theirs = other(id.clone(), Expiry::Never);
    let answer = another.register(&theirs, &THEIRS, after(t0, 9)).await;
    assert_already_exists(&answer);
    let answer = another.renew(&id, &THEIRS, Expiry::Never, t0).await;
    assert_lease_lost(&answer);
    assert!(!another.deregister(&id, &THEIRS).await.unwrap());

    let expiry = Expiry::At(after(t0, 20));
    another.renew(&id, &OURS, expiry, t0).await.unwrap();
    another
        .register(&theirs, &THEIRS, after(t0, 20))
        .await
        .unwrap();
    let answer = one.renew(&id, &OURS, expiry, after(t0, 19)).await;
    assert_lease_lost(&answer);
    assert!(!one.deregister(&id, &OURS).await.unwrap());
    assert_eq!(one.lookup(&id).await.unwrap(), Some(theirs));
}

/// Checks R5 through different stores: exactly one `register` succeeds, and
/// each of the others is refused because the id is taken.
pub async fn r5_one_of_registers_through_different_stores_wins<
    F: Fixture<Store: SessionRegistry>,
>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(Arc::new(fixture.open().await));
    }
    for number in 0..20 {
        let id = id(&format!("contended {number}"));
        let answers = race((1..=16).map(|contender| {
            let store = Arc::clone(&stores[usize::from(contender) % stores.len()]);
            let record = minimal(id.clone(), Expiry::Never);
            let record = record.to_builder().http_port(u16::from(contender));
            let record = record.build().unwrap();
            let token = LeaseToken::from_bytes([contender; LeaseToken::BYTES]);
            async move {
                let answer = store.register(&record, &token, t0).await;
                (record, answer)
            }
        }))
        .await;
        let mut winners = Vec::new();
        for (record, answer) in answers {
            match &answer {
                Ok(()) => winners.push(record),
                Err(_) => assert_already_exists(&answer),
            }
        }
        assert_eq!(winners.len(), 1, "exactly one wins");
        for store in &stores {
            assert_eq!(store.lookup(&id).await.unwrap().as_ref(), winners.first());
        }
    }
}
