//! Listing, where the contract leaves a choice.

use dcv_resolver_core::{OnConflict, SessionImport, SessionListing};
use dcv_resolver_sqlite::SqliteStore;

use crate::support::{NOW, TOKEN, config, record};

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
