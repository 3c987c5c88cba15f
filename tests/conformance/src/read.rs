//! The `read` battery, for every [`SessionStore`].

use std::sync::Arc;

use dcv_resolver_core::{Expiry, SessionStore, Timestamp};

use crate::Fixture;
use crate::partial::drop_after;
use crate::race::race;
use crate::sample::{full, id, look_alikes, minimal, other, unusual_ids, varied};

#[doc(hidden)]
#[macro_export]
macro_rules! __read_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            s1_absent_id_is_none
            s1_empty_store_finds_nothing
            s3_records_are_returned_unchanged
            s3_records_with_unusual_ids_are_found
            s4_ids_are_compared_byte_for_byte
            s5_expired_records_are_returned
            s6_repeated_lookups_return_the_same
            s6_concurrent_lookups_each_find_their_own_record
            s7_dropped_lookups_leave_no_trace
            ping_of_a_working_store_succeeds
        }
    };
}

__read_rules! { (crate::macros::check) [Fixture<Store: SessionStore>] }

/// Checks S1: `lookup` of an id that the store does not hold returns
/// `Ok(None)`, for any id.
pub async fn s1_absent_id_is_none<F: Fixture>(fixture: &F) {
    fixture.seed(&[minimal(id("present"), Expiry::Never)]).await;
    let store = fixture.open().await;
    for absent in unusual_ids() {
        assert_eq!(store.lookup(&absent).await.unwrap(), None, "{absent:?}");
    }
}

/// Checks S1: an empty store works and finds nothing.
pub async fn s1_empty_store_finds_nothing<F: Fixture>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    store.ping().await.unwrap();
    assert_eq!(store.lookup(&id("console")).await.unwrap(), None);
}

/// Checks S3: every field is returned unchanged, with its smallest and its
/// greatest values, and with any text.
pub async fn s3_records_are_returned_unchanged<F: Fixture>(fixture: &F) {
    let records = varied();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for record in records {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found, Some(record));
    }
}

/// Checks S3: a record is found under any id.
pub async fn s3_records_with_unusual_ids_are_found<F: Fixture>(fixture: &F) {
    let records: Vec<_> = unusual_ids()
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

/// Checks S4: ids that look alike, or that are patterns for one another, are
/// different ids.
pub async fn s4_ids_are_compared_byte_for_byte<F: Fixture>(fixture: &F) {
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

/// Checks S5: a record that expired a millisecond or many years ago is returned.
pub async fn s5_expired_records_are_returned<F: Fixture>(fixture: &F) {
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

/// Checks S6: a lookup does not consume what it finds.
pub async fn s6_repeated_lookups_return_the_same<F: Fixture>(fixture: &F) {
    let record = full(id("console"), Expiry::At(fixture.t0()));
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    for _ in 0..3 {
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
        assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
    }
}

/// Checks S6: each of many concurrent lookups gets the record it asked for.
pub async fn s6_concurrent_lookups_each_find_their_own_record<F: Fixture>(fixture: &F) {
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

/// Checks S7: lookups that are dropped at any await point do not impair the store.
pub async fn s7_dropped_lookups_leave_no_trace<F: Fixture>(fixture: &F) {
    let record = full(id("console"), Expiry::Never);
    fixture.seed(std::slice::from_ref(&record)).await;
    let store = fixture.open().await;
    for turn in 0..100 {
        let polls = turn % 10;
        if let Some(answer) = drop_after(polls, store.lookup(record.id())).await {
            assert_eq!(answer.unwrap().as_ref(), Some(&record));
        }
        if let Some(answer) = drop_after(polls, store.lookup(&id("absent"))).await {
            assert_eq!(answer.unwrap(), None);
        }
        if let Some(answer) = drop_after(polls, store.ping()).await {
            answer.unwrap();
        }
    }
    assert_eq!(store.lookup(record.id()).await.unwrap(), Some(record));
    assert_eq!(store.lookup(&id("absent")).await.unwrap(), None);
}

/// Checks [`SessionStore::ping`]: it succeeds while lookups do.
pub async fn ping_of_a_working_store_succeeds<F: Fixture>(fixture: &F) {
    fixture.seed(&[minimal(id("console"), Expiry::Never)]).await;
    let store = fixture.open().await;
    store.ping().await.unwrap();
    store.lookup(&id("console")).await.unwrap();
    store.ping().await.unwrap();
}
