//! Listing, where the contract leaves a choice.

use dcv_resolver_core::{OnConflict, SessionImport, SessionListing, StoreErrorKind};
use dcv_resolver_sqlite::SqliteStore;

use crate::support::{NOW, TOKEN, config, execute, raw, record};

#[tokio::test]
async fn pages_are_full_ordered_by_id_and_end_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(config(&path).create_if_missing(true))
        .await
        .unwrap();
    let ids = ["B", "a", "a b", "é", "漢"];
    let records = ids.map(|id| record(id, "192.0.2.1"));
    let mut shuffled = records.to_vec();
    shuffled.reverse();
    store
        .import(&shuffled, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();

    let first = store.list(None, 3.try_into().unwrap()).await.unwrap();
    assert_eq!(first.records, records[..3]);
    let second = store
        .list(first.next.as_ref(), 2.try_into().unwrap())
        .await
        .unwrap();
    assert_eq!(second.records, records[3..]);
    assert_eq!(second.next, None);
    let all = store.list(None, usize::MAX.try_into().unwrap()).await;
    assert_eq!(all.unwrap().records, records);
}

#[tokio::test]
async fn rows_with_invalid_ids_are_named_and_passed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(config(&path).create_if_missing(true))
        .await
        .unwrap();
    let records = ["a", "z"].map(|id| record(id, "192.0.2.1"));
    store
        .import(&records, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();
    let mut other = raw(&path).await;
    execute(
        &mut other,
        "INSERT INTO dcv_session (id, host, http_port) VALUES
         ('', '192.0.2.1', 1), ('b' || char(10), '192.0.2.1', 1),
         (CAST(x'63ff' AS TEXT), '192.0.2.1', 1)",
    )
    .await;

    for limit in [1, 2, 10] {
        let (mut listed, mut unreadable, mut next) = (vec![], vec![], None);
        loop {
            let page = store.list(next.as_ref(), limit.try_into().unwrap()).await;
            let page = page.unwrap();
            listed.extend(page.records);
            unreadable.extend(page.unreadable);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(listed, records);
        for (error, id) in unreadable
            .iter()
            .zip([r#""""#, r#""b\n""#, "\"c\u{fffd}\""])
        {
            assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
            let text = error.chain().to_string();
            assert!(text.contains(&format!("session {id}: column id")), "{text}");
        }
        assert_eq!(unreadable.len(), 3);
    }
}
