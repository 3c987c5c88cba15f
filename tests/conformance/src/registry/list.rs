use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Expiry, PageToken, SessionRegistry, StoreErrorKind};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all, list_from, page};
use crate::sample::{OURS, THEIRS, after, assert_kind, awkward_ids, full, id, minimal, varied};

/// [`SessionRegistry`] rule 10: a store without sessions shows none, and comes
/// to an end.
pub async fn an_empty_store_lists_nothing<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let store = fixture.open().await;
    assert_eq!(list_all(&store, limit(1)).await, BTreeMap::new());
}

/// [`SessionRegistry`] rule 10: with any limit, whether the number of records
/// is a multiple of it or not, every record is shown, expired ones too.
pub async fn list_shows_everything_with_any_limit<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let mut records = Vec::new();
    for number in 0_u64..24 {
        let expiry = match number % 3 {
            0 => Expiry::Never,
            // The same for several records, and past for some.
            _ => Expiry::At(after(t0, number / 4)),
        };
        let record = minimal(id(&format!("session {number}")), expiry);
        let token = if number % 2 == 0 { OURS } else { THEIRS };
        store.register(&record, &token, t0).await.unwrap();
        records.push(record);
    }
    let records = by_id(records);
    for limit in [1, 2, 5, 8, 23, 24, 25, 1_000, usize::MAX] {
        let limit = NonZeroUsize::new(limit).unwrap();
        assert_eq!(list_all(&store, limit).await, records, "limit {limit}");
    }
}

/// [`SessionRegistry`] rule 10: records are listed as they went in.
pub async fn list_shows_whole_records<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let records = varied();
    for record in &records {
        store.register(record, &OURS, t0).await.unwrap();
    }
    assert_eq!(list_all(&store, limit(7)).await, by_id(records));
}

/// [`SessionRegistry`] rule 10: no id gets lost where one page ends and the
/// next begins.
pub async fn list_shows_awkward_ids<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let records = by_id(
        awkward_ids()
            .into_iter()
            .map(|id| minimal(id, Expiry::Never)),
    );
    for record in records.values() {
        store.register(record, &OURS, t0).await.unwrap();
    }
    for size in [1, 10] {
        assert_eq!(list_all(&store, limit(size)).await, records);
    }
}

/// [`SessionRegistry`] rule 10: while others come and go between the pages,
/// also the one shown last, and leases are renewed to end earlier and later,
/// each record that is there throughout is shown.
pub async fn list_shows_what_is_there_throughout<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let staying: Vec<_> = (0..30)
        .map(|number| {
            let expiry = Expiry::At(after(t0, 1_000 + number));
            full(id(&format!("{number:02} stays")), expiry)
        })
        .collect();
    for (number, record) in staying.iter().enumerate() {
        store.register(record, &OURS, t0).await.unwrap();
        let leaving = minimal(id(&format!("{number:02} goes")), Expiry::Never);
        store.register(&leaving, &THEIRS, t0).await.unwrap();
    }

    let mut shown = Vec::new();
    let mut from = None;
    for turn in 0..10_000_u64 {
        let page = page(&store, from.as_ref(), limit(3)).await;
        for record in page.records {
            // Under their token: what stays is not theirs to remove.
            store.deregister(record.id(), &THEIRS).await.unwrap();
            shown.push(record.id().clone());
        }
        from = page.next;
        if from.is_none() {
            break;
        }
        if turn < 60 {
            let late = minimal(id(&format!("{turn:02} comes")), Expiry::Never);
            store.register(&late, &THEIRS, t0).await.unwrap();
            for (record, number) in staying.iter().zip(1..) {
                let earlier_or_later = (turn * 7 + number * 11) % 1_000;
                let expiry = Expiry::At(after(t0, 1 + earlier_or_later));
                store.renew(record.id(), &OURS, expiry, t0).await.unwrap();
            }
        }
    }
    assert!(from.is_none(), "the listing has no end");
    for record in staying {
        assert!(shown.contains(record.id()), "{:?} is missing", record.id());
    }
}

/// [`SessionRegistry`] rules 10 and 8: what was removed or swept is not listed,
/// what was renewed is listed as it is now.
pub async fn list_stops_showing_what_is_gone<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    let record = |name, expiry| minimal(id(name), expiry);
    for (name, expiry) in [
        ("removed", Expiry::Never),
        ("swept", Expiry::At(t0)),
        ("renewed", Expiry::At(after(t0, 1))),
        ("kept", Expiry::Never),
    ] {
        let registered = store.register(&record(name, expiry), &OURS, t0).await;
        registered.unwrap();
    }
    let later = Expiry::At(after(t0, 9));
    store.renew(&id("renewed"), &OURS, later, t0).await.unwrap();
    assert!(store.deregister(&id("removed"), &OURS).await.unwrap());
    assert_eq!(store.sweep(t0).await.unwrap(), 1);

    let left = by_id([record("renewed", later), record("kept", Expiry::Never)]);
    for size in [1, 100] {
        assert_eq!(list_all(&store, limit(size)).await, left);
    }
}

/// [`SessionRegistry::list`]: a page token that no store makes, since it holds
/// control characters, is `InvalidPage`.
pub async fn a_foreign_page_is_invalid<F: Fixture<Store: SessionRegistry>>(fixture: F) {
    let t0 = fixture.t0();
    let store = fixture.open().await;
    for number in 0..3 {
        let record = minimal(id(&format!("session {number}")), Expiry::Never);
        store.register(&record, &OURS, t0).await.unwrap();
    }
    for text in ["\u{1}not a page\u{2}", "\n", "\0"] {
        let answer = store.list(Some(&PageToken::new(text)), limit(2)).await;
        assert_kind(&answer, StoreErrorKind::InvalidPage);
    }
    let listed = list_from(&store, None, limit(2)).await;
    assert_eq!(listed.len(), 3, "the store goes on listing");
}
