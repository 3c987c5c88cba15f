//! The `read` battery: what every [`SessionStore`] keeps.

use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionStore, Timestamp};

use crate::Fixture;
use crate::partial::give_up_after;
use crate::race::race;
use crate::sample::{awkward_ids, full, id, look_alikes, minimal, other, varied};

#[doc(hidden)]
#[macro_export]
macro_rules! __read_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            an_absent_id_is_none
            an_empty_store_holds_nothing
            records_come_back_as_they_went_in
            awkward_ids_are_found
            ids_are_compared_byte_for_byte
            expired_records_are_returned
            looking_up_again_answers_the_same
            concurrent_lookups_agree
            a_dropped_lookup_leaves_no_trace
            a_working_store_answers_a_ping
        }
    };
}

/// [`SessionStore`] rule 1: an id that the store does not hold is `Ok(None)`,
/// however awkward.
pub async fn an_absent_id_is_none<F: Fixture>(fixture: F) {
    fixture.seed(&[minimal(id("present"), Expiry::Never)]).await;
    let store = fixture.open().await;
    for absent in awkward_ids() {
        assert_eq!(store.lookup(&absent).await.unwrap(), None, "{absent:?}");
    }
}

/// [`SessionStore`] rule 1: a store without sessions works, and holds none.
pub async fn an_empty_store_holds_nothing<F: Fixture>(fixture: F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    store.ping().await.unwrap();
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);
}

/// [`SessionStore`] rule 3: every field comes back, at its least and at its
/// greatest, and with any text in it.
pub async fn records_come_back_as_they_went_in<F: Fixture>(fixture: F) {
    let records = varied();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for record in records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// [`SessionStore`] rule 3: a record is found under any id.
pub async fn awkward_ids_are_found<F: Fixture>(fixture: F) {
    let records: Vec<_> = awkward_ids()
        .into_iter()
        .map(|id| minimal(id.clone(), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for record in records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// [`SessionStore`] rule 4: ids that look alike, or that are a pattern for one
/// another, are different ids.
pub async fn ids_are_compared_byte_for_byte<F: Fixture>(fixture: F) {
    let groups = look_alikes();
    let records: Vec<_> = groups
        .iter()
        .map(|group| minimal(id(group[0]), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for group in groups {
        for look_alike in &group[1..] {
            assert_eq!(
                store.lookup(&id(look_alike)).await.unwrap(),
                None,
                "only {:?} is there, and {look_alike:?} was asked for",
                group[0]
            );
        }
    }
}

/// [`SessionStore`] rule 5: a record whose expiry is past, by a millisecond or
/// by many years, is returned.
pub async fn expired_records_are_returned<F: Fixture>(fixture: F) {
    let t0 = fixture.t0();
    let records = [
        full(id("long ago"), Expiry::At(Timestamp::from_unix_ms(1))),
        full(id("now"), Expiry::At(t0)),
    ];
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for record in records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// [`SessionStore`] rule 6: a lookup does not use up what it finds.
pub async fn looking_up_again_answers_the_same<F: Fixture>(fixture: F) {
    let record = full(id("console"), Expiry::At(fixture.t0()));
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    for _ in 0..3 {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
        assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    }
}

/// [`SessionStore`] rule 6: of many lookups at the same time, each gets the
/// record that it asked for.
pub async fn concurrent_lookups_agree<F: Fixture>(fixture: F) {
    let records = [
        full(id("a"), Expiry::Never),
        minimal(id("b"), Expiry::Never),
        other(id("c"), Expiry::Never),
    ];
    fixture.seed(&records).await;
    let store = Arc::new(fixture.open().await);
    let lookups = (0..64).map(|turn| {
        let store = Arc::clone(&store);
        let record = records[turn % records.len()].clone();
        async move {
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found, Some(record));
            assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
        }
    });
    race(lookups).await;
}

/// [`SessionStore`] rule 7: lookups given up at any await point leave the
/// store as able as before.
pub async fn a_dropped_lookup_leaves_no_trace<F: Fixture>(fixture: F) {
    let record = full(id("console"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    for turn in 0..100 {
        let polls = turn % 10;
        if let Some(answer) = give_up_after(polls, store.lookup(record.id())).await {
            assert_eq!(answer.unwrap().as_ref(), Some(&record));
        }
        if let Some(answer) = give_up_after(polls, store.lookup(&id("absent"))).await {
            assert_eq!(answer.unwrap(), None);
        }
        if let Some(answer) = give_up_after(polls, store.ping()).await {
            answer.unwrap();
        }
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
}

/// [`SessionStore::ping`]: a store that answers lookups answers a ping.
pub async fn a_working_store_answers_a_ping<F: Fixture>(fixture: F) {
    fixture.seed(&[minimal(id("console"), Expiry::Never)]).await;
    let store = fixture.open().await;
    store.ping().await.unwrap();
    store.lookup(&id("console")).await.unwrap();
    store.ping().await.unwrap();
}
