//! [`StaticFileStore`]: the sessions of a file, looked up.

use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use dcv_resolver_core::{
    Page, PageToken, SessionId, SessionListing, SessionRecord, SessionStore, StoreError,
    StoreErrorKind, async_trait,
};

use crate::index::Index;
use crate::sorted::Sorted;
use crate::{Format, LoadError, SessionFile, read, turns};

/// The sessions of a file, looked up in memory.
///
/// Readers are never blocked: a lookup takes one snapshot of the content and
/// one look into a hash table. Nothing changes until [`reload`](Self::reload)
/// is called, by hand or by a [`Watcher`](crate::Watcher).
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
#[derive(Debug)]
pub struct StaticFileStore {
    path: PathBuf,
    format: Format,
    content: ArcSwap<Content>,
    /// Held while reloading, so that an older reading never overtakes a newer.
    reloading: Mutex<()>,
    hasher: foldhash::quality::RandomState,
}

/// What a session takes in a file at the least: `"a":{"Host":"b","QuicPort":1},`.
const MIN_BYTES: usize = 30;

#[derive(Debug)]
struct Content {
    index: Index,
    /// The same records as in the index.
    sorted: Sorted,
    /// A hash of the bytes that it was read from.
    hash: u64,
    loaded_at: Instant,
}

impl Content {
    fn new(file: SessionFile, hash: u64) -> Self {
        let (sessions, index) = file.into_parts();
        Self {
            index,
            sorted: Sorted::new(sessions),
            hash,
            loaded_at: Instant::now(),
        }
    }
}

/// What a reload found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reload {
    /// The file holds the same bytes as before.
    Unchanged,
    /// The new content is served now.
    Changed {
        /// How many sessions it has.
        sessions: usize,
    },
}

/// What the file holds now, not looked into yet.
pub(crate) struct Reading<'a> {
    bytes: Vec<u8>,
    pub(crate) hash: u64,
    _one_at_a_time: MutexGuard<'a, ()>,
}

impl StaticFileStore {
    /// Reads the file at `path`, in the format that its extension names.
    ///
    /// It blocks while it reads and parses, about two seconds for a million
    /// sessions of JSON: call it at the start, or on a thread where blocking is fine.
    ///
    /// # Errors
    ///
    /// As of [`SessionFile::read`].
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let path = path.into();
        let format = Format::of(&path)?;
        let hasher = foldhash::quality::RandomState::default();
        let bytes = read::read(&path, format)?;
        let hash = hash(&hasher, &bytes);
        let file = SessionFile::parse_bytes(&bytes, format, &path, 0)?;
        drop(bytes);
        let content = Content::new(file, hash);
        Ok(Self {
            path,
            format,
            content: ArcSwap::from_pointee(content),
            reloading: Mutex::new(()),
            hasher,
        })
    }

    /// Reads the file again and, when it is good and not the same as before,
    /// serves its content from now on.
    ///
    /// It blocks like [`load`](Self::load). The former content is freed before
    /// it returns, on the thread that calls it.
    ///
    /// # Errors
    ///
    /// As of [`SessionFile::read`]. The former content is served on.
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
            hash: hash(&self.hasher, &bytes),
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
        // As many as there were; but not where the file has no room for them.
        let expected = self.session_count().min(bytes.len() / MIN_BYTES);
        let file = SessionFile::parse_bytes(&bytes, self.format, &self.path, expected)?;
        turns::free_bytes(bytes);
        let content = Content::new(file, hash);
        let sessions = content.index.len();
        free(self.content.swap(Arc::new(content)));
        Ok(Reload::Changed { sessions })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many sessions are served now, expired ones included.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.content.load().index.len()
    }

    /// When the content that is served now was read.
    #[must_use]
    pub fn loaded_at(&self) -> Instant {
        self.content.load().loaded_at
    }
}

/// Waits until no lookup holds the content any more, and frees it here: it
/// takes a while, which must not be a lookup's.
fn free(content: Arc<Content>) {
    // Nobody can get hold of it anew, and a lookup holds it for less than a
    // microsecond, unless its thread is descheduled at that moment.
    while Arc::strong_count(&content) > 1 {
        thread::sleep(Duration::from_millis(1));
    }
    if let Some(content) = Arc::into_inner(content) {
        content.sorted.free();
        content.index.free();
    }
}

/// Of all the bytes.
fn hash(hasher: &foldhash::quality::RandomState, bytes: &[u8]) -> u64 {
    const PIECE: usize = 1 << 20;

    let mut hasher = hasher.build_hasher();
    for piece in bytes.chunks(PIECE) {
        hasher.write(piece);
        thread::yield_now();
    }
    hasher.finish()
}

#[async_trait]
impl SessionStore for StaticFileStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.content.load().index.get(id).cloned())
    }

    /// Always succeeds: what is served is in memory.
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for StaticFileStore {
    /// Pages are full, go by id, byte by byte, and see one version of the file
    /// each; a page token is the id that came last. So it outlives a reload,
    /// and the process: the next page goes on from that id in what is served
    /// then, whether or not the id is still there, and a listing ends however
    /// often the file changes.
    async fn list(
        &self,
        page: Option<&PageToken>,
        limit: NonZeroUsize,
    ) -> Result<Page, StoreError> {
        let after = page
            .map(|token| SessionId::new(token.as_str()))
            .transpose()
            .map_err(|source| {
                StoreError::new("static-file", StoreErrorKind::InvalidPage).with_source(source)
            })?;
        Ok(self.content.load().sorted.page(after.as_ref(), limit))
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
    fn content_is_told_apart_by_its_last_byte_too() {
        let hasher = foldhash::quality::RandomState::default();
        let bytes = vec![b'a'; 3 << 20];
        let mut other = bytes.clone();
        assert_eq!(hash(&hasher, &bytes), hash(&hasher, &other));
        other[(3 << 20) - 1] = b'b';
        assert_ne!(hash(&hasher, &bytes), hash(&hasher, &other));
    }

    /// A lookup takes as long as a thread may be descheduled; it must not be
    /// the one to free a million sessions then.
    #[test]
    fn the_old_content_is_freed_by_the_reload_and_not_by_a_late_lookup() {
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
            assert_eq!(reloaded, Reload::Changed { sessions: 2 });
            assert_eq!(old.strong_count(), 0);
        });
    }
}
