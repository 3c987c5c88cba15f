//! The `list` battery, for every [`SessionListing`], read-only or not.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Expiry, ListError, PageToken, SessionListing};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all, page};
use crate::partial::drop_after;
use crate::sample::{after, id, minimal, unusual_ids, varied};

#[doc(hidden)]
#[macro_export]
macro_rules! __list_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            l1_empty_store_lists_nothing
            l1_every_record_is_listed_with_any_limit
            l1_listed_records_are_unchanged
            l1_records_with_unusual_ids_are_listed
            l1_concurrent_listings_are_independent
            l3_foreign_page_token_is_invalid
            l3_page_token_names_the_same_place_again
            s7_dropped_lists_leave_no_trace
        }
    };
}

__list_rules! { (crate::macros::check) [Fixture<Store: SessionListing>] }

/// Checks L1: the listing of an empty store is empty and ends.
pub async fn l1_empty_store_lists_nothing<F: Fixture<Store: SessionListing>>(fixture: &F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    assert_eq!(list_all(&store, limit(1)).await, BTreeMap::new());
}

/// Checks L1: every record is listed, expired ones too, with any limit, whether or
/// not the number of records is a multiple of it.
pub async fn l1_every_record_is_listed_with_any_limit<F: Fixture<Store: SessionListing>>(
    fixture: &F,
) {
    let t0 = fixture.t0();
    let mut records = Vec::new();
    for number in 0_u64..24 {
        let expiry = match number % 3 {
            0 => Expiry::Never,
            // Several records have the same one, and some are past.
            _ => Expiry::At(after(t0, number / 4)),
        };
        records.push(minimal(id(&format!("session {number}")), expiry));
    }
    fixture.seed(&records).await;
    let store = fixture.open().await;
    let records = by_id(records);
    for limit in [1, 2, 5, 8, 23, 24, 25, 1_000, usize::MAX] {
        let limit = NonZeroUsize::new(limit).unwrap();
        assert_eq!(list_all(&store, limit).await, records, "limit {limit}");
    }
}

/// Checks L1 and S3: records are listed unchanged.
pub async fn l1_listed_records_are_unchanged<F: Fixture<Store: SessionListing>>(fixture: &F) {
    let records = varied();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    assert_eq!(list_all(&store, limit(7)).await, by_id(records));
}

/// Checks L1: no id is lost between the end of one page and the start of the next.
pub async fn l1_records_with_unusual_ids_are_listed<F: Fixture<Store: SessionListing>>(
    fixture: &F,
) {
    let records: Vec<_> = unusual_ids()
        .into_iter()
        .map(|id| minimal(id, Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    let records = by_id(records);
    for size in [1, 10] {
        assert_eq!(list_all(&store, limit(size)).await, records);
    }
}

/// Checks L1: a listing continues where its token points, no matter what
/// another listing has returned in the meantime.
pub async fn l1_concurrent_listings_are_independent<F: Fixture<Store: SessionListing>>(
    fixture: &F,
) {
    let records: Vec<_> = (0..24)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    let mut shown = Vec::new();
    let (mut from, mut another) = (None, None);
    loop {
        let page_of_ours = page(&store, from.as_ref(), limit(3)).await;
        shown.extend(page_of_ours.records);
        // The other listing starts again after its end.
        another = page(&store, another.as_ref(), limit(5)).await.next;
        from = page_of_ours.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(by_id(shown), by_id(records));
}

/// Checks L3: a page token that no store creates, because it has control
/// characters, is invalid.
pub async fn l3_foreign_page_token_is_invalid<F: Fixture<Store: SessionListing>>(fixture: &F) {
    let records: Vec<_> = (0..3)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for text in ["\u{1}not a page\u{2}", "\n", "\0"] {
        let answer = store.list(Some(&PageToken::new(text)), limit(2)).await;
        assert!(
            matches!(answer, Err(ListError::InvalidPageToken { .. })),
            "{text:?}: {answer:?}"
        );
    }
    let listed = list_all(&store, limit(2)).await;
    assert_eq!(listed.len(), 3, "the store still lists");
}

/// Checks L3: a page token may be used again.
pub async fn l3_page_token_names_the_same_place_again<F: Fixture<Store: SessionListing>>(
    fixture: &F,
) {
    let records: Vec<_> = (0..24)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    let first = page(&store, None, limit(5)).await;
    for _ in 0..2 {
        let mut listed = first.records.clone();
        let mut from = first.next.clone();
        while let Some(token) = from {
            let page = page(&store, Some(&token), limit(5)).await;
            listed.extend(page.records);
            from = page.next;
        }
        assert_eq!(by_id(listed), by_id(records.clone()));
    }
}

/// Checks S7: listings that are dropped at any await point do not impair the
/// store.
pub async fn s7_dropped_lists_leave_no_trace<F: Fixture<Store: SessionListing>>(fixture: &F) {
    let records: Vec<_> = (0..10)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for turn in 0..60 {
        drop_after(turn % 12, store.list(None, limit(3))).await;
    }
    assert_eq!(list_all(&store, limit(3)).await, by_id(records));
}
