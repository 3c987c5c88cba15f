//! [`Entries`]: the cached results, within a limit of bytes.

use dcv_resolver_core::{SessionId, SessionRecord};
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

/// What the store returned, and when.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `None` if the store holds no such session.
    pub(crate) found: Option<SessionRecord>,
    /// When the call to the store began, in nanoseconds since the cache was
    /// made: the result may be as old as that.
    pub(crate) began_ns: u64,
    /// The number of the [epoch](crate::epochs) in which it was cached.
    pub(crate) epoch: u32,
    /// Whether the record had already expired when it was loaded.
    pub(crate) loaded_expired: bool,
}

pub(crate) struct Entries(Cache<SessionId, Entry, EntryBytes, RandomState>);

#[derive(Debug, Clone)]
struct EntryBytes;

impl Weighter<SessionId, Entry> for EntryBytes {
    fn weight(&self, id: &SessionId, entry: &Entry) -> u64 {
        bytes_of(id, entry.found.as_ref())
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
        // The id of the record, so that its text is stored once. A store may
        // return the record of another session, which the resolver then rejects.
        let held = entry.found.as_ref().map(SessionRecord::id);
        let key = held.filter(|held| *held == id).unwrap_or(id).clone();
        self.0.insert(key, entry);
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
/// Memory that the map has reserved but never written to does not count.
const MAP_BYTES: usize = 72;
/// An id that no record holds, without its string.
const ID_BYTES: usize = 48;

/// Estimates the size of an entry.
fn bytes_of(id: &SessionId, found: Option<&SessionRecord>) -> u64 {
    let found_bytes = match found {
        Some(record) => record.memory_bytes(),
        None => ID_BYTES + id.as_str().len(),
    };
    (ENTRY_BYTES + found_bytes) as u64
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::Expiry;

    use super::*;

    const UUID: &str = "9e3779b9-7f4a-7c15-f39c";

    fn id(number: usize) -> SessionId {
        format!("{UUID}-{number:012}").parse().unwrap()
    }

    fn record(number: usize) -> SessionRecord {
        let host = format!("ws-{number}.dcv.example").parse().unwrap();
        SessionRecord::builder(id(number), host, Expiry::Never)
            .http_port(8443)
            .build()
            .unwrap()
    }

    fn entry(found: Option<SessionRecord>) -> Entry {
        Entry {
            found,
            began_ns: 0,
            epoch: 0,
            loaded_expired: false,
        }
    }

    #[test]
    fn cached_session_takes_at_most_250_bytes_among_a_million() {
        const COUNT: usize = 1_000_000;
        // Clones of one record, so that the test itself needs little memory.
        let record = record(COUNT);
        let entries = Entries::new(1 << 30);
        for number in 1..=COUNT {
            entries.insert(&id(number), entry(Some(record.clone())));
            // The map's share is largest just after it has grown.
            if number % 10_000 == 0 {
                let map = entries.0.memory_used().total() / number;
                assert!(map <= MAP_BYTES, "{map} bytes each of {number}");
                assert!(map + record.memory_bytes() <= 250, "{map} of {number}");
            }
        }
        assert_eq!(entries.count(), COUNT);
    }

    #[test]
    fn entry_shares_the_id_of_its_record() {
        let entries = Entries::new(1 << 20);
        let requested = id(1);
        let record = record(1);
        entries.insert(&requested, entry(Some(record.clone())));
        let (key, _) = entries.0.iter().next().unwrap();
        assert_eq!(key.as_str().as_ptr(), record.id().as_str().as_ptr());
    }

    #[test]
    fn entry_with_the_record_of_another_session_has_the_id_that_was_looked_up() {
        let entries = Entries::new(1 << 20);
        entries.insert(&id(2), entry(Some(record(1))));
        assert!(entries.get(&id(2)).is_some());
        assert!(entries.get(&id(1)).is_none());
    }
}
