//! [`RecentIds`]: the last session ids of suppressed failures.

use std::collections::VecDeque;
use std::fmt;

use dcv_resolver_core::SessionId;
use dcv_resolver_core::escape::escaped;

/// Enough to find those who were affected, and a line that can be read.
const MAX_IDS: usize = 20;
const MAX_ID_BYTES: usize = 256;

/// The last distinct session ids, oldest first.
///
/// Displays as a list of quoted and escaped ids.
#[derive(Debug, Default)]
pub(crate) struct RecentIds(VecDeque<SessionId>);

impl RecentIds {
    pub(crate) fn push(&mut self, id: &SessionId) {
        if let Some(at) = self.0.iter().position(|known| known == id) {
            self.0.remove(at);
        } else if self.0.len() == MAX_IDS {
            self.0.pop_front();
        }
        self.0.push_back(id.clone());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for RecentIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.0.iter().map(|id| escaped(id.as_str(), MAX_ID_BYTES));
        f.debug_list().entries(ids).finish()
    }
}
