//! [`Watcher`]: reloads a store when its file changes.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::follower::Follower;
use crate::{LoadError, Reload, StaticFileStore};

/// Reloads a [`StaticFileStore`] when its file changes, on a thread of its
/// own, until it is dropped.
///
/// - New content is served within two seconds of the last writing, however the
///   file was changed: written in place, renamed over, deleted and made anew, its folder
///   replaced, or a symbolic link on the way to it turned elsewhere, as
///   Kubernetes does with a ConfigMap.
/// - Content is compared by its bytes: a file that was only touched is not
///   parsed.
/// - A file with diagnostics, or none at all, changes nothing; it is told of once
///   as a `tracing` error with every mistake in it, and once when it is good
///   again.
/// - Parsing the new content and freeing the old happen on the watcher's
///   thread. Lookups are never held up, and it lets other threads go first all
///   the time, except while it parses TOML.
///
/// Dropping it ends the thread, and waits for the reload that it may be in.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watcher {
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

type OnReload = dyn Fn(&Result<Reload, LoadError>) + Send + Sync;

/// How a [`Watcher`] notices changes, and whom it tells.
#[derive(Clone)]
#[must_use]
pub struct WatchOptions {
    pub(crate) poll_interval: Duration,
    pub(crate) notifications: bool,
    pub(crate) on_reload: Option<Arc<OnReload>>,
}

impl fmt::Debug for WatchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchOptions")
            .field("poll_interval", &self.poll_interval)
            .field("notifications", &self.notifications)
            .finish_non_exhaustive()
    }
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            notifications: true,
            on_reload: None,
        }
    }
}

impl WatchOptions {
    /// How often the file's metadata is looked at, whatever the operating
    /// system tells: every second unless set, and at most 100 times a second.
    ///
    /// It is the safety net for file systems that do not tell of changes, such
    /// as NFS. With a longer interval new content can take that much longer
    /// where they do not.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.max(Duration::from_millis(10));
        self
    }

    /// Does not ask the operating system to tell of changes, and only polls.
    pub fn poll_only(mut self) -> Self {
        self.notifications = false;
        self
    }

    /// Calls `hook` with what each reload came to that the log tells of, so
    /// that a service can count them: new content, which is served by then; a
    /// file that cannot be used, once until it changes; and one that is good
    /// again, as [`Reload::Unchanged`] where it holds what is served already.
    /// A look at the file that finds nothing new is no reload.
    ///
    /// It runs on the watcher's thread, which looks at the file again only
    /// after it has returned. When it panics, that is logged, and the watch
    /// goes on. A second hook takes the place of the first.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use dcv_resolver_static_file::WatchOptions;
    ///
    /// let failed = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&failed);
    /// let options = WatchOptions::default().on_reload(move |result| {
    ///     if result.is_err() {
    ///         counter.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # drop(options);
    /// ```
    pub fn on_reload(
        mut self,
        hook: impl Fn(&Result<Reload, LoadError>) + Send + Sync + 'static,
    ) -> Self {
        self.on_reload = Some(Arc::new(hook));
        self
    }
}

impl Watcher {
    /// Watches the file of `store`.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread. When it refuses to tell of
    /// changes, that is logged as a warning, and the file is polled.
    pub fn start(store: Arc<StaticFileStore>) -> io::Result<Self> {
        Self::start_with(store, WatchOptions::default())
    }

    /// Watches the file of `store` as `options` say.
    ///
    /// # Errors
    ///
    /// As of [`start`](Self::start).
    pub fn start_with(store: Arc<StaticFileStore>, options: WatchOptions) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // One signal that waits says as much as many.
        let (wake, woken) = sync_channel(1);
        let follower = Follower::new(store, options, Arc::clone(&stop), wake.clone(), woken);
        let thread = thread::Builder::new()
            .name("session-file".to_owned())
            .spawn(move || follower.run())?;
        Ok(Self {
            stop,
            wake,
            thread: Some(thread),
        })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // When there is a signal waiting, that one will do.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
