//! [`Entries`]: what is kept, within its bound.

use dcv_resolver_core::{SessionId, SessionRecord};
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

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
pub(crate) struct Entries(Cache<SessionId, Entry, Bytes, RandomState>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<SessionId, Entry> for Bytes {
    fn weight(&self, _: &SessionId, entry: &Entry) -> u64 {
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

    pub(crate) fn insert(&self, id: SessionId, entry: Entry) {
        self.0.insert(id, entry);
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

/// The map's share of an entry, with what it keeps in reserve, and the id's
/// allocation.
const ENTRY_BYTES: usize = 130;
/// A record without its texts.
const RECORD_BYTES: usize = 80;
/// What few records have, without its texts.
const REST_BYTES: usize = 80;
/// What surrounds a text.
const TEXT_BYTES: usize = 20;
/// A label without its texts.
const LABEL_BYTES: usize = 80;

pub(crate) fn bytes_of(id: &SessionId, answer: Option<&SessionRecord>) -> u32 {
    let mut bytes = ENTRY_BYTES + id.as_str().len();
    if let Some(record) = answer {
        let (id, host) = (record.id().as_str(), record.host().as_str());
        bytes += RECORD_BYTES + bytes_of_text(id) + bytes_of_text(host);
        bytes += match bytes_of_rest(record) {
            0 => 0,
            parts => REST_BYTES + parts,
        };
    }
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// 0 where the record has only what every record has.
fn bytes_of_rest(record: &SessionRecord) -> usize {
    let target_id = Some(record.target_id().as_str()).filter(|id| *id != record.id().as_str());
    let path = Some(record.web_url_path().as_str()).filter(|path| *path != "/");
    let texts = [target_id, path, record.owner()];
    let labels = record.labels().iter();
    let labels = labels.map(|(name, value)| LABEL_BYTES + name.len() + value.len());
    texts
        .into_iter()
        .flatten()
        .map(bytes_of_text)
        .sum::<usize>()
        + labels.sum::<usize>()
}

fn bytes_of_text(text: &str) -> usize {
    TEXT_BYTES + text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_entries_take_no_more_than_is_reckoned() {
        const COUNT: usize = 1_000_000;
        let entries = Entries::new(1 << 30);
        for index in 0..COUNT {
            let id: SessionId = format!("session-{index}").parse().unwrap();
            let entry = Entry {
                bytes: bytes_of(&id, None),
                answer: None,
                began_ns: 0,
                epoch: 0,
                came_expired: false,
            };
            entries.insert(id, entry);
        }
        assert_eq!(entries.count(), COUNT);
        // The id's own allocation has, with what surrounds it, 32 bytes.
        let each = entries.0.memory_used().total() / COUNT + 32;
        assert!(each <= ENTRY_BYTES, "{each} bytes each");
    }
}
