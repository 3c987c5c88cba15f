//! Reading a listing to its end.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use dcv_resolver_core::{Page, PageToken, SessionId, SessionListing, SessionRecord};

/// Far more pages than any rule's listing has: an endless one fails.
const MOST_PAGES: usize = 10_000;

pub(crate) fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// A page; the token goes through text, as it does on its way to a client and
/// back.
pub(crate) async fn page<S: SessionListing>(
    store: &S,
    from: Option<&PageToken>,
    limit: NonZeroUsize,
) -> Page {
    let from = from.map(|token| PageToken::new(token.as_str()));
    store.list(from.as_ref(), limit).await.unwrap()
}

/// A listing to its end; of a record that is shown twice, what was shown last.
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
    panic!("the listing has no end");
}

/// What a listing of `records` has to show.
pub(crate) fn by_id(
    records: impl IntoIterator<Item = SessionRecord>,
) -> BTreeMap<SessionId, SessionRecord> {
    records
        .into_iter()
        .map(|record| (record.id().clone(), record))
        .collect()
}
