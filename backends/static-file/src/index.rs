//! [`Index`]: records by their id.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::cooperative_yield;

/// Records by their id. A set rather than a map: a record holds its id.
#[derive(Default)]
pub(crate) struct Index(HashSet<ById>);

impl Index {
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self(HashSet::with_capacity(records))
    }

    pub(crate) fn free(self) {
        cooperative_yield::free(self.0);
    }

    /// Returns whether the id is new. If it is not, the earlier record stays.
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
