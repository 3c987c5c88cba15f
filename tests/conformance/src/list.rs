//! The `list` battery: what every [`SessionListing`] keeps, read-only or not.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Expiry, PageToken, SessionListing, StoreErrorKind};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all, page};
use crate::partial::give_up_after;
use crate::sample::{after, assert_kind, awkward_ids, id, minimal, varied};

#[doc(hidden)]
#[macro_export]
macro_rules! __list_rules {
    (($($then:tt)+) $arguments:tt) => {
        $($then)+! {
            $arguments
            an_empty_store_lists_nothing
            list_shows_everything_with_any_limit
            list_shows_whole_records
            list_shows_awkward_ids
            listings_do_not_move_one_another
            a_foreign_page_is_invalid
            a_dropped_list_leaves_no_trace
        }
    };
}

/// [`SessionListing`] rule 1: a store without sessions shows none, and comes
/// to an end.
pub async fn an_empty_store_lists_nothing<F: Fixture<Store: SessionListing>>(fixture: F) {
    fixture.seed(&[]).await;
    let store = fixture.open().await;
    assert_eq!(list_all(&store, limit(1)).await, BTreeMap::new());
}

/// [`SessionListing`] rule 1: with any limit, whether the number of records
/// is a multiple of it or not, every record is shown, expired ones too.
pub async fn list_shows_everything_with_any_limit<F: Fixture<Store: SessionListing>>(fixture: F) {
    let t0 = fixture.t0();
    let mut records = Vec::new();
    for number in 0_u64..24 {
        let expiry = match number % 3 {
            0 => Expiry::Never,
            // The same for several records, and past for some.
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

/// [`SessionListing`] rule 1 and [`SessionStore`] rule 3: records are listed
/// as they went in.
///
/// [`SessionStore`]: dcv_resolver_core::SessionStore
pub async fn list_shows_whole_records<F: Fixture<Store: SessionListing>>(fixture: F) {
    let records = varied();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    assert_eq!(list_all(&store, limit(7)).await, by_id(records));
}

/// [`SessionListing`] rule 1: no id gets lost where one page ends and the
/// next begins.
pub async fn list_shows_awkward_ids<F: Fixture<Store: SessionListing>>(fixture: F) {
    let records: Vec<_> = awkward_ids()
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

/// [`SessionListing`] rule 1: a listing goes on where its token says, whatever
/// another has shown meanwhile.
pub async fn listings_do_not_move_one_another<F: Fixture<Store: SessionListing>>(fixture: F) {
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
        // It begins anew after its end.
        another = page(&store, another.as_ref(), limit(5)).await.next;
        from = page_of_ours.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(by_id(shown), by_id(records));
}

/// [`SessionListing::list`]: a page token that no store makes, since it holds
/// control characters, is `InvalidPage`.
pub async fn a_foreign_page_is_invalid<F: Fixture<Store: SessionListing>>(fixture: F) {
    let records: Vec<_> = (0..3)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for text in ["\u{1}not a page\u{2}", "\n", "\0"] {
        let answer = store.list(Some(&PageToken::new(text)), limit(2)).await;
        assert_kind(&answer, StoreErrorKind::InvalidPage);
    }
    let listed = list_all(&store, limit(2)).await;
    assert_eq!(listed.len(), 3, "the store goes on listing");
}

/// [`SessionStore`] rule 7: listings given up at any await point leave the
/// store as able as before.
///
/// [`SessionStore`]: dcv_resolver_core::SessionStore
pub async fn a_dropped_list_leaves_no_trace<F: Fixture<Store: SessionListing>>(fixture: F) {
    let records: Vec<_> = (0..10)
        .map(|number| minimal(id(&format!("session {number}")), Expiry::Never))
        .collect();
    fixture.seed(&records).await;
    let store = fixture.open().await;
    for turn in 0..60 {
        give_up_after(turn % 12, store.list(None, limit(3))).await;
    }
    assert_eq!(list_all(&store, limit(3)).await, by_id(records));
}
