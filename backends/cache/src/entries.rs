//! [`Entries`]: what is kept, within its bound.

use dcv_resolver_core::{SessionId, SessionRecord};
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use crate::key::Key;

/// What the store answered, and when.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `None`: the store holds no such session.
    pub(crate) answer: Option<SessionRecord>,
    /// When the store began to be asked, in nanoseconds since the cache was
    /// made: the answer may be as old as that.
    pub(crate) began_ns: u64,
    /// After how many changes of everything it was kept.
    pub(crate) epoch: u64,
    /// What it takes, by estimate. Counted once, since evicting asks for it.
    pub(crate) bytes: u32,
    /// The record had expired already when it came.
    pub(crate) came_expired: bool,
}

#[derive(Debug)]
pub(crate) struct Entries(Cache<Key, Entry, Bytes, RandomState>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        entry.bytes.into()
    }
}

impl Entries {
    pub(crate) fn new(max_bytes: usize) -> Self {
        // How many there will be decides only on the number of shards, and on
        // how many of the evicted ones are remembered.
        let expected = max_bytes / USUAL_BYTES;
        let mut options = OptionsBuilder::new();
        options
            .estimated_items_capacity(expected)
            .weight_capacity(max_bytes as u64);
        #[expect(clippy::expect_used, reason = "both values that it needs are set")]
        let options = options.build().expect("complete options");
        Self(Cache::with_options(
            options,
            Bytes,
            RandomState::default(),
            DefaultLifecycle::default(),
        ))
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<Entry> {
        self.0.get(id)
    }

    pub(crate) fn insert(&self, id: &SessionId, entry: Entry) {
        self.0.insert(Key::new(id, entry.answer.as_ref()), entry);
    }

    pub(crate) fn remove(&self, id: &SessionId) {
        self.0.remove(id);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

const USUAL_BYTES: usize = 512;

/// What an entry takes beside its record: its share of the map, and what is
/// lost between allocations, about 20 bytes in a process with a million of them.
const ENTRY_BYTES: usize = MAP_BYTES + 20;
/// What the map has in reserve and has never written to takes no memory.
const MAP_BYTES: usize = 80;
/// An id where no record has it, without its text.
const ID_BYTES: usize = 80;

pub(crate) fn bytes_of(id: &SessionId, answer: Option<&SessionRecord>) -> u32 {
    let answer_bytes = match answer {
        Some(record) => record.memory_bytes(),
        None => ID_BYTES + id.as_str().len(),
    };
    u32::try_from(ENTRY_BYTES + answer_bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_entries_take_no_more_than_is_reckoned() {
        const COUNT: usize = 1_000_000;
        let entries = Entries::new(1 << 30);
        for index in 1..=COUNT {
            let id: SessionId = format!("session-{index}").parse().unwrap();
            let entry = Entry {
                bytes: bytes_of(&id, None),
                answer: None,
                began_ns: 0,
                epoch: 0,
                came_expired: false,
            };
            entries.insert(&id, entry);
            // It is most just after the map has grown.
            if index % 10_000 == 0 {
                let each = entries.0.memory_used().total() / index;
                assert!(each <= MAP_BYTES, "{each} bytes each of {index}");
            }
        }
        assert_eq!(entries.count(), COUNT);
    }
}
