//! [`Watcher`]: reloads a store when its file changes.

use std::io;
use std::sync::Arc;

use dcv_resolver_file_watch::WatchThread;

use crate::watched_store::WatchedStore;
use crate::{StaticFileStore, WatchOptions};

/// A watcher that reloads a [`StaticFileStore`] when its file changes, on a
/// thread of its own, until it is dropped.
///
/// - New content is served within two seconds of the last write, no matter how
///   the file was changed: written in place, renamed over, deleted and created
///   again, its folder replaced, or reached through a symbolic link that now
///   points elsewhere, as in a Kubernetes ConfigMap. The file is polled, so
///   this also works on network file systems.
/// - Content is compared by its bytes: a file with only a new modification time
///   is not parsed.
/// - An invalid or missing file changes nothing. It is logged once as a
///   `tracing` error, with all its diagnostics, and once more when it is valid
///   again.
/// - New content is parsed and old content freed on the watcher's thread.
///   Lookups never wait for it, and it yields to other threads regularly,
///   except while it parses TOML.
///
/// Dropping the watcher ends the thread, and waits for a reload that is under
/// way.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watcher {
    _thread: WatchThread,
}

impl Watcher {
    /// Watches the file of `store`.
    ///
    /// # Errors
    ///
    /// When the operating system refuses to start a thread.
    pub fn start(store: Arc<StaticFileStore>) -> io::Result<Self> {
        Self::start_with(store, WatchOptions::default())
    }

    /// Watches the file of `store` with `options`.
    ///
    /// # Errors
    ///
    /// When the operating system refuses to start a thread.
    pub fn start_with(store: Arc<StaticFileStore>, options: WatchOptions) -> io::Result<Self> {
        let path = store.path().to_owned();
        let interval = options.poll_interval;
        let mut watched = WatchedStore::new(store, options.on_reload);
        let reload = move || watched.reload();
        let thread = WatchThread::spawn("session-file", [path], interval, reload)?;
        Ok(Self { _thread: thread })
    }
}
