//! [`StaticFileStore`]: the sessions of a file, looked up in memory.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dcv_resolver_core::{
    ListError, Page, PageToken, SessionId, SessionListing, SessionRecord, SessionStore, StoreError,
    async_trait,
};

use crate::collector::Collected;
use crate::content_hash::content_hash;
use crate::index::Index;
use crate::pattern::{self, SessionPattern};
use crate::sorted::Sorted;
use crate::{Format, LoadError, SessionFile, cooperative_yield, read};
use dcv_resolver_file_watch::Reload;

/// A store that looks up the sessions of a file in memory.
///
/// Readers never block: a lookup takes one snapshot of the content and looks
/// once into a hash table. Nothing changes until [`reload`](Self::reload) is
/// called, by hand or by a [`Watcher`](crate::Watcher).
///
/// `Debug` shows the path and the number of sessions.
///
/// ```
/// use dcv_resolver_core::SessionStore;
/// use dcv_resolver_static_file::StaticFileStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("sessions.toml");
/// std::fs::write(&path, "[sessions.console]\nhost = '192.0.2.7'\nhttp_port = 8443\n")?;
///
/// let store = StaticFileStore::load(&path)?;
/// assert_eq!(store.session_count(), 1);
///
/// let record = store.lookup(&"console".parse()?).await?.ok_or("it is there")?;
/// assert_eq!(record.host().as_str(), "192.0.2.7");
/// # Ok(())
/// # }
/// ```
pub struct StaticFileStore {
    path: PathBuf,
    format: Format,
    content: ArcSwap<Content>,
    /// Held while reloading, so that an older reading never replaces a newer
    /// one.
    reloading: Mutex<()>,
}

/// The shortest session there can be in a file: `"a":{"Host":"b","QuicPort":1},`.
const MIN_BYTES: usize = 30;

struct Content {
    index: Index,
    /// The same records as in the index.
    sorted: Sorted,
    patterns: Vec<SessionPattern>,
    /// A hash of the bytes that it was read from.
    hash: u64,
    loaded_at: Instant,
}

impl Content {
    fn new(file: SessionFile, hash: u64) -> Self {
        let Collected {
            records,
            index,
            patterns,
        } = file.into_collected();
        Self {
            index,
            sorted: Sorted::new(records),
            patterns,
            hash,
            loaded_at: Instant::now(),
        }
    }
}

/// The bytes of the file, not parsed yet.
pub(crate) struct Reading<'a> {
    bytes: Vec<u8>,
    pub(crate) hash: u64,
    _one_at_a_time: MutexGuard<'a, ()>,
}

impl StaticFileStore {
    /// Loads the file at `path`, in the format that its extension names.
    ///
    /// This function blocks while it reads and parses, about two seconds for a
    /// million sessions in JSON: call it at the start, or on a thread where
    /// blocking is fine.
    ///
    /// # Errors
    ///
    /// Those of [`SessionFile::read`].
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let path = path.into();
        let format = LoadError::format_of(&path)?;
        let bytes = read::read(&path, format)?;
        let hash = content_hash(&bytes);
        let file = SessionFile::parse_bytes(&bytes, format, &path, 0)?;
        drop(bytes);
        let content = Content::new(file, hash);
        Ok(Self {
            path,
            format,
            content: ArcSwap::from_pointee(content),
            reloading: Mutex::new(()),
        })
    }

    /// Reads the file again. If it is valid and its bytes have changed, its
    /// content is served from now on.
    ///
    /// This function blocks like [`load`](Self::load). The former content is
    /// freed before it returns, on the calling thread.
    ///
    /// # Errors
    ///
    /// Those of [`SessionFile::read`]. The former content is still served.
    pub fn reload(&self) -> Result<Reload, LoadError> {
        self.take(self.read()?)
    }

    pub(crate) fn read(&self) -> Result<Reading<'_>, LoadError> {
        let one_at_a_time = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let bytes = read::read(&self.path, self.format)?;
        Ok(Reading {
            hash: content_hash(&bytes),
            bytes,
            _one_at_a_time: one_at_a_time,
        })
    }

    pub(crate) fn take(&self, reading: Reading<'_>) -> Result<Reload, LoadError> {
        let Reading {
            bytes,
            hash,
            _one_at_a_time,
        } = reading;
        if hash == self.content.load().hash {
            return Ok(Reload::Unchanged);
        }
        // As many as there were, unless the file has no room for them.
        let expected = self.session_count().min(bytes.len() / MIN_BYTES);
        let file = SessionFile::parse_bytes(&bytes, self.format, &self.path, expected)?;
        cooperative_yield::free_bytes(bytes);
        let content = Content::new(file, hash);
        free(self.content.swap(Arc::new(content)));
        Ok(Reload::Replaced)
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many sessions are served now, including expired ones and
    /// without those of patterns.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.content.load().index.len()
    }

    /// Returns how many patterns are served now.
    #[must_use]
    pub fn pattern_count(&self) -> usize {
        self.content.load().patterns.len()
    }

    /// Returns warnings about likely mistakes in the content that is served now;
    /// see [`SessionFile::warnings`].
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        pattern::warnings(&self.content.load().patterns)
    }

    /// Returns when the content that is served now was read.
    #[must_use]
    pub fn loaded_at(&self) -> Instant {
        self.content.load().loaded_at
    }
}

impl fmt::Debug for StaticFileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticFileStore")
            .field("path", &self.path)
            .field("session_count", &self.session_count())
            .field("pattern_count", &self.pattern_count())
            .finish_non_exhaustive()
    }
}

/// Waits until no lookup holds the content, and frees it here: that takes a
/// while, and must not happen in a lookup.
fn free(content: Arc<Content>) {
    // No new lookup can reach it, and a lookup that holds it keeps it for less
    // than a microsecond, unless its thread is descheduled at that moment.
    while Arc::strong_count(&content) > 1 {
        thread::sleep(Duration::from_millis(1));
    }
    if let Some(content) = Arc::into_inner(content) {
        content.sorted.free();
        content.index.free();
    }
}

#[async_trait]
impl SessionStore for StaticFileStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let content = self.content.load();
        if let Some(record) = content.index.get(id) {
            return Ok(Some(record.clone()));
        }
        let mut patterns = content.patterns.iter();
        patterns
            .find_map(|pattern| pattern.session(id).transpose())
            .transpose()
    }

    /// Always succeeds: the content is in memory.
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for StaticFileStore {
    /// The sessions of patterns are not listed.
    ///
    /// Pages are full and ordered by id, compared by byte. Each page shows one
    /// version of the file. A page token is the last id of its page, so it
    /// remains valid after a reload or a restart: the next page continues after
    /// that id in the content that is served then, even if the id is gone. A
    /// listing ends even if the file keeps changing.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = page
            .map(|token| SessionId::new(token.as_str()))
            .transpose()
            .map_err(ListError::invalid_page_token)?;
        Ok(self.content.load().sorted.page(after.as_ref(), limit))
    }

    fn generated_by(&self, id: &SessionId) -> Option<String> {
        let content = self.content.load();
        if content.index.get(id).is_some() {
            return None;
        }
        let mut patterns = content.patterns.iter();
        let pattern = patterns.find(|pattern| pattern.matches(id))?;
        Some(format!("pattern {pattern}"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, RecvTimeoutError};

    use super::*;

    fn write(path: &Path, ids: &[&str]) {
        let session = |id| format!("[sessions.{id}]\nhost = '192.0.2.7'\nhttp_port = 8443\n");
        let text: String = ids.iter().map(session).collect();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn debug_shows_path_and_count_and_no_session() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        write(&path, &["a", "hidden"]);
        let store = StaticFileStore::load(&path).unwrap();
        let shown = format!("{store:?} {:?}", SessionFile::read(&path).unwrap());
        assert!(shown.contains("sessions.toml"), "{shown}");
        assert!(shown.contains("session_count: 2"), "{shown}");
        assert!(!shown.contains("hidden"), "{shown}");
    }

    /// A lookup takes as long as a thread may be descheduled; it must not
    /// be the one that frees a million sessions then.
    #[test]
    fn old_content_is_freed_by_the_reload_and_not_by_a_late_lookup() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        write(&path, &["a"]);
        let store = StaticFileStore::load(&path).unwrap();
        let old = Arc::downgrade(&store.content.load_full());
        write(&path, &["a", "b"]);

        let (done, reloaded) = mpsc::channel();
        thread::scope(|scope| {
            let lookup = store.content.load();
            scope.spawn(|| done.send(store.reload()));
            while store.session_count() == 1 {
                thread::yield_now();
            }
            // The new content is served, and the reload waits for the lookup.
            let waits = reloaded.recv_timeout(Duration::from_millis(200));
            assert_eq!(waits.err(), Some(RecvTimeoutError::Timeout));
            drop(lookup);
            let reloaded = reloaded.recv().unwrap().unwrap();
            assert_eq!(reloaded, Reload::Replaced);
            assert_eq!(old.strong_count(), 0);
        });
    }
}
