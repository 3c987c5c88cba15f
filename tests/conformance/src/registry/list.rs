//! Listings while records are added and removed. The `list` battery checks
//! listings of records that stay.

use dcv_resolver_core::{Expiry, SessionRegistry};

use crate::Fixture;
use crate::listing::{by_id, limit, list_all, page};
use crate::sample::{OURS, THEIRS, after, full, id, minimal};

/// Checks L1: each record that is present throughout is listed, while others are
/// added and removed between the pages, also the last one listed, and leases are
/// renewed to expire earlier and later.
pub async fn l1_record_present_throughout_is_listed<F: Fixture<Store: SessionRegistry>>(
    fixture: &F,
) {
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
            // Their token does not remove the records that stay.
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
    assert!(from.is_none(), "the listing does not end");
    for record in staying {
        assert!(shown.contains(record.id()), "{:?} is missing", record.id());
    }
}

/// Checks L1 and R7 to R9: what was removed or swept is not listed, and what was
/// renewed is listed with its new expiry.
pub async fn l1_removed_records_are_not_listed<F: Fixture<Store: SessionRegistry>>(fixture: &F) {
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
