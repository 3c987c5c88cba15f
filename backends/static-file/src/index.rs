//! [`Index`]: records, found by their id.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::turns;

/// Records, found by their id.
///
/// A set rather than a map: the id is in the record already. The hasher is
/// foldhash, seeded once a process: half the time of the standard one, and the
/// keys come from the operator, not from clients.
#[derive(Debug, Default)]
pub(crate) struct Index(HashSet<ById, foldhash::fast::RandomState>);

impl Index {
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self(HashSet::with_capacity_and_hasher(
            records,
            foldhash::fast::RandomState::default(),
        ))
    }

    pub(crate) fn free(self) {
        turns::free(self.0);
    }

    /// Whether the id is new; where it is not, the earlier record stays.
    pub(crate) fn insert(&mut self, record: SessionRecord) -> bool {
        self.0.insert(ById(record))
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<&SessionRecord> {
        self.0.get(id).map(|ById(record)| record)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[derive(Debug)]
struct ById(SessionRecord);

impl Borrow<SessionId> for ById {
    fn borrow(&self) -> &SessionId {
        self.0.id()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}
