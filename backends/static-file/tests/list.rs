//! Listing by the page.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::fs;
use std::path::Path;

use dcv_resolver_core::{ListError, PageToken, SessionId, SessionListing};
use dcv_resolver_static_file::StaticFileStore;
use tempfile::TempDir;

fn write(path: &Path, ids: &[impl AsRef<str>]) {
    let session = |id: &str| format!("[sessions.'{id}']\nhost = 'ws.example'\nhttp_port = 8443\n");
    let text: String = ids.iter().map(|id| session(id.as_ref())).collect();
    fs::write(path, format!("[sessions]\n{text}")).unwrap();
}

fn store(ids: &[impl AsRef<str>]) -> (StaticFileStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    write(&path, ids);
    (StaticFileStore::load(path).unwrap(), folder)
}

/// The ids of a page, and where the next one starts.
async fn page(
    store: &StaticFileStore,
    from: Option<&PageToken>,
    limit: usize,
) -> (Vec<String>, Option<PageToken>) {
    let page = store.list(from, limit.try_into().unwrap()).await.unwrap();
    let ids = page.records.iter().map(|record| record.id().to_string());
    (ids.collect(), page.next)
}

#[tokio::test]
async fn pages_are_full_and_in_id_order_and_the_last_has_no_next() {
    let (store, _folder) = store(&["漢", "a", "é", "B", "a b"]);
    let (first, next) = page(&store, None, 3).await;
    assert_eq!(first, ["B", "a", "a b"]);
    let (second, next) = page(&store, next.as_ref(), 2).await;
    assert_eq!(second, ["é", "漢"]);
    assert_eq!(next, None);
    let (all, next) = page(&store, None, usize::MAX).await;
    assert_eq!(all, ["B", "a", "a b", "é", "漢"]);
    assert_eq!(next, None);
}

#[tokio::test]
async fn page_after_a_reload_continues_in_the_new_content() {
    let (store, _folder) = store(&["a", "b", "c", "d"]);
    let (first, next) = page(&store, None, 2).await;
    assert_eq!(first, ["a", "b"]);

    // The id that came last is gone, and others come on both sides of it.
    write(store.path(), &["0", "a", "b2", "d", "e"]);
    store.reload().unwrap();
    let (second, end) = page(&store, next.as_ref(), 3).await;
    assert_eq!(second, ["b2", "d", "e"]);
    assert_eq!(end, None);

    write(store.path(), &["a"]);
    store.reload().unwrap();
    assert_eq!(page(&store, next.as_ref(), 2).await, (vec![], None));
}

#[tokio::test]
async fn listing_under_constant_change_ends_and_misses_no_lasting_session() {
    let staying: Vec<_> = (0..20).map(|number| format!("stays {number:02}")).collect();
    let (store, _folder) = store(&staying);
    let mut shown = Vec::new();
    let mut from = None;
    for version in 0..=staying.len() {
        let (ids, next) = page(&store, from.as_ref(), 2).await;
        shown.extend(ids);
        if next.is_none() {
            break;
        }
        from = next;
        let coming = (0..10).map(|number| format!("{number} of {version}"));
        write(
            store.path(),
            &coming.chain(staying.clone()).collect::<Vec<_>>(),
        );
        store.reload().unwrap();
    }
    shown.retain(|id| id.starts_with("stays"));
    assert_eq!(shown, staying);
}

#[tokio::test]
async fn page_token_that_is_not_an_id_is_refused_with_its_source() {
    let (store, _folder) = store(&["a"]);
    let long = "x".repeat(SessionId::MAX_BYTES + 1);
    for text in ["", "a\nb", &long] {
        let error = store
            .list(Some(&PageToken::new(text)), 1.try_into().unwrap())
            .await
            .unwrap_err();
        let ListError::InvalidPageToken { reason } = error else {
            panic!("{text:?}: {error}");
        };
        assert!(reason.starts_with("a session id"), "{reason}");
    }
}
