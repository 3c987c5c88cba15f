//! [`Sorted`]: records in the order of their ids, by the page.

use std::num::NonZeroUsize;

use dcv_resolver_core::{Page, PageToken, SessionId, SessionRecord};

use crate::cooperative_yield::{self, CooperativeYield};

/// Records in the order of their ids.
///
/// They are sorted once, when the file is read and blocking is fine. A million
/// take a quarter of a second, and almost no time if the file has them in
/// order. Any page is found by binary search.
pub(crate) struct Sorted(Box<[SessionRecord]>);

impl Sorted {
    pub(crate) fn new(mut records: Vec<SessionRecord>) -> Self {
        let mut cooperative = CooperativeYield::every(512);
        records.sort_unstable_by(|one, other| {
            cooperative.piece();
            one.id().cmp(other.id())
        });
        Self(records.into_boxed_slice())
    }

    pub(crate) fn free(self) {
        cooperative_yield::free(self.0);
    }

    /// Returns the records that come after `after`, whether it is there or not.
    pub(crate) fn page(&self, after: Option<&SessionId>, limit: NonZeroUsize) -> Page {
        let start = after.map_or(0, |after| {
            self.0.partition_point(|record| record.id() <= after)
        });
        let rest = self.0.get(start..).unwrap_or_default();
        let shown = rest.get(..limit.get()).unwrap_or(rest);
        let next = shown
            .last()
            .filter(|_| shown.len() < rest.len())
            .map(|last| PageToken::new(last.id().as_str()));
        Page::new(shown.to_vec(), next)
    }
}
