//! [`Entries`]: the cached results, within a limit of bytes.

use dcv_resolver_core::{SessionId, SessionRecord};
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

use crate::key::Key;

/// What the store returned, and when.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `None` if the store holds no such session.
    pub(crate) found: Option<SessionRecord>,
    /// When the call to the store began, in nanoseconds since the cache was
    /// made: the result may be as old as that.
    pub(crate) began_ns: u64,
    /// The number of the [epoch](crate::epochs) in which it was cached.
    pub(crate) epoch: u64,
    /// The estimated size. Stored, since the map asks for it when it evicts.
    pub(crate) bytes: u32,
    /// Whether the record had already expired when it was loaded.
    pub(crate) loaded_expired: bool,
}

pub(crate) struct Entries(Cache<Key, Entry, EntryBytes, RandomState>);

#[derive(Debug, Clone)]
struct EntryBytes;

impl Weighter<Key, Entry> for EntryBytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        entry.bytes.into()
    }
}

impl Entries {
    pub(crate) fn new(max_bytes: usize) -> Self {
        // The expected number decides only how many shards there are, and how
        // many of the evicted ids are remembered.
        let expected = max_bytes / USUAL_BYTES;
        let mut options = OptionsBuilder::new();
        options
            .estimated_items_capacity(expected)
            .weight_capacity(max_bytes as u64);
        #[expect(clippy::expect_used, reason = "both required options are set")]
        let options = options.build().expect("complete options");
        Self(Cache::with_options(
            options,
            EntryBytes,
            RandomState::default(),
            DefaultLifecycle::default(),
        ))
    }

    pub(crate) fn get(&self, id: &SessionId) -> Option<Entry> {
        self.0.get(id)
    }

    pub(crate) fn insert(&self, id: &SessionId, entry: Entry) {
        self.0.insert(Key::new(id, entry.found.as_ref()), entry);
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

/// What an entry takes besides its record: its share of the map, and about 20
/// bytes that the allocator loses, in a process with a million entries.
const ENTRY_BYTES: usize = MAP_BYTES + 20;
/// What the map has reserved but never written to takes no memory.
const MAP_BYTES: usize = 80;
/// An id that no record holds, without its text.
const ID_BYTES: usize = 80;

/// Estimates the size of an entry.
pub(crate) fn bytes_of(id: &SessionId, found: Option<&SessionRecord>) -> u32 {
    let found_bytes = match found {
        Some(record) => record.memory_bytes(),
        None => ID_BYTES + id.as_str().len(),
    };
    u32::try_from(ENTRY_BYTES + found_bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn million_entries_take_no_more_than_estimated() {
        const COUNT: usize = 1_000_000;
        let entries = Entries::new(1 << 30);
        for index in 1..=COUNT {
            let id: SessionId = format!("session-{index}").parse().unwrap();
            let entry = Entry {
                bytes: bytes_of(&id, None),
                found: None,
                began_ns: 0,
                epoch: 0,
                loaded_expired: false,
            };
            entries.insert(&id, entry);
            // The share is largest just after the map has grown.
            if index % 10_000 == 0 {
                let each = entries.0.memory_used().total() / index;
                assert!(each <= MAP_BYTES, "{each} bytes each of {index}");
            }
        }
        assert_eq!(entries.count(), COUNT);
    }
}
