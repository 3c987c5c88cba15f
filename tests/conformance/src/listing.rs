//! Reads a listing to its end.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Page, PageToken, SessionId, SessionListing, SessionRecord};

/// Far more pages than the listing of any rule has, so that an endless one fails.
const MOST_PAGES: usize = 10_000;

pub(crate) fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// Returns a page. The token is converted to text and back, as on its way to a
/// client.
pub(crate) async fn page<S: SessionListing>(
    store: &S,
    from: Option<&PageToken>,
    limit: NonZeroUsize,
) -> Page {
    let from = from.map(|token| PageToken::new(token.as_str()));
    store.list(from.as_ref(), limit).await.unwrap()
}

/// Returns the whole listing; of a record that is listed twice, the last version.
pub(crate) async fn list_all<S: SessionListing>(
    store: &S,
    limit: NonZeroUsize,
) -> BTreeMap<SessionId, SessionRecord> {
    let mut shown = BTreeMap::new();
    let mut from = None;
    for _ in 0..MOST_PAGES {
        let page = page(store, from.as_ref(), limit).await;
        for record in page.records {
            shown.insert(record.id().clone(), record);
        }
        from = page.next;
        if from.is_none() {
            return shown;
        }
    }
    panic!("the listing does not end");
}

/// Returns what a listing of `records` must contain.
pub(crate) fn by_id(
    records: impl IntoIterator<Item = SessionRecord>,
) -> BTreeMap<SessionId, SessionRecord> {
    records
        .into_iter()
        .map(|record| (record.id().clone(), record))
        .collect()
}
