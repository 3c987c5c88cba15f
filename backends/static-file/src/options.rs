//! [`WatchOptions`]: how a file is watched.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{LoadError, Reload};

pub(crate) type OnReload = dyn Fn(&Result<Reload, LoadError>) + Send + Sync;

/// The settings of a [`Watcher`](crate::Watcher): how often it checks its file,
/// and what it calls after a reload.
#[derive(Clone)]
#[must_use]
pub struct WatchOptions {
    pub(crate) poll_interval: Duration,
    pub(crate) on_reload: Option<Arc<OnReload>>,
}

impl fmt::Debug for WatchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchOptions")
            .field("poll_interval", &self.poll_interval)
            .finish_non_exhaustive()
    }
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            on_reload: None,
        }
    }
}

impl WatchOptions {
    /// Sets how often the watcher checks the file's metadata: every second by
    /// default, and at most 100 times a second.
    ///
    /// A check takes a few microseconds. With a longer interval, new content is
    /// served that much later.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Calls `hook` with the result of each reload that is logged: new content,
    /// which is served by then; a file that cannot be used, once for each
    /// content; and a file that is valid again, as [`Reload::Unchanged`] if its
    /// content is the one that is served. A check that finds nothing new is not
    /// a reload.
    ///
    /// It runs on the watcher's thread, which checks the file again only after
    /// it has returned. If it panics, that is logged, and the watch continues.
    /// A second hook replaces the first.
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
