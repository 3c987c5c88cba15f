//! [`Follower`]: what a [`Watcher`](crate::Watcher) does on its thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::signature::Signature;
use crate::store::FailedReload;
use crate::way::Way;
use crate::{Reload, StaticFileStore, WatchOptions};

/// How long nothing must have happened before the file is read: who writes it
/// in place may be half-way through.
const QUIET: Duration = Duration::from_millis(100);
/// A file that is never quiet is read all the same, this long after it began
/// to change.
const MAX_UNREST: Duration = Duration::from_secs(1);
/// Two changes within a tick of the file system's clock look the same. Two
/// seconds is the coarsest there is.
const MAX_TICK: Duration = Duration::from_secs(3);

pub(crate) struct Follower {
    store: Arc<StaticFileStore>,
    options: WatchOptions,
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    woken: Receiver<()>,
    way: Arc<Way>,
    notifications: Option<RecommendedWatcher>,
    has_warned: bool,
    /// How the file looked before it was last read, and since when.
    read: Option<(Signature, Instant)>,
    /// The failure that was told of, until the file is good again.
    told: Option<Told>,
}

/// The content that failed, or, where there was none, the error.
#[derive(PartialEq, Eq)]
enum Told {
    Content(u64),
    Error(String),
}

enum Wake {
    Changed,
    TimedOut,
    Stop,
}

/// The end of a time in which the file changed.
struct Settled {
    signature: Signature,
    /// Whether it has really stopped changing.
    is_quiet: bool,
}

struct Stopped;

impl Follower {
    pub(crate) fn new(
        store: Arc<StaticFileStore>,
        options: WatchOptions,
        stop: Arc<AtomicBool>,
        wake: SyncSender<()>,
        woken: Receiver<()>,
    ) -> Self {
        Self {
            store,
            options,
            stop,
            wake,
            woken,
            way: Arc::default(),
            notifications: None,
            has_warned: false,
            read: None,
            told: None,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            self.follow_way();
            if self.may_have_changed() {
                let Ok(settled) = self.settle() else { return };
                self.reload(settled);
            }
            if let Wake::Stop = self.wait(self.options.poll_interval) {
                return;
            }
        }
    }

    fn wait(&self, timeout: Duration) -> Wake {
        let woken = self.woken.recv_timeout(timeout);
        if self.stop.load(Ordering::Acquire) {
            return Wake::Stop;
        }
        match woken {
            Ok(()) => Wake::Changed,
            Err(RecvTimeoutError::Timeout) => Wake::TimedOut,
            Err(RecvTimeoutError::Disconnected) => Wake::Stop,
        }
    }

    /// Asks for notifications wherever the path leads through now.
    fn follow_way(&mut self) {
        // It may turn elsewhere before the notifications are in place.
        const ATTEMPTS: u8 = 8;
        for _ in 0..ATTEMPTS {
            let way = Way::of(self.store.path());
            if !self.options.notifications || way == *self.way {
                return;
            }
            self.way = Arc::new(way);
            self.notifications = notifications(Arc::clone(&self.way), self.wake.clone())
                .map_err(|error| self.warn(&error))
                .ok();
        }
    }

    fn warn(&mut self, error: &notify::Error) {
        if std::mem::replace(&mut self.has_warned, true) {
            return;
        }
        tracing::warn!(
            path = %self.store.path().display(),
            %error,
            poll_interval_ms = self.options.poll_interval.as_millis(),
            "the operating system does not tell of changes of the session file; it is polled",
        );
    }

    fn may_have_changed(&self) -> bool {
        self.read.as_ref().is_none_or(|(signature, since)| {
            since.elapsed() < MAX_TICK || *signature != Signature::of(self.store.path())
        })
    }

    /// Waits until the file has stopped changing.
    fn settle(&mut self) -> Result<Settled, Stopped> {
        let began = Instant::now();
        let mut signature = Signature::of(self.store.path());
        loop {
            let wake = self.wait(QUIET);
            // Before the file is looked at: no later change goes unnoticed.
            self.follow_way();
            let now = Signature::of(self.store.path());
            let is_quiet = match wake {
                Wake::Stop => return Err(Stopped),
                Wake::Changed => false,
                Wake::TimedOut => now == signature,
            };
            signature = now;
            if is_quiet || began.elapsed() >= MAX_UNREST {
                return Ok(Settled {
                    signature,
                    is_quiet,
                });
            }
        }
    }

    fn reload(&mut self, settled: Settled) {
        let result = self.store.try_reload();
        if result.is_err() && !settled.is_quiet {
            // The next writing is about to mend it, or will be told of.
            self.read = None;
            return;
        }
        if self
            .read
            .as_ref()
            .is_none_or(|(signature, _)| *signature != settled.signature)
        {
            self.read = Some((settled.signature, Instant::now()));
        }
        match result {
            Ok(reload) => self.tell_good(reload),
            Err(failed) => self.tell_bad(&failed),
        }
    }

    fn tell_good(&mut self, reload: Reload) {
        let was_bad = self.told.take().is_some();
        if reload == Reload::Unchanged && !was_bad {
            return;
        }
        tracing::info!(
            path = %self.store.path().display(),
            sessions = self.store.session_count(),
            "{}",
            if was_bad { "the session file is good again" } else { "the session file has changed" },
        );
    }

    fn tell_bad(&mut self, failed: &FailedReload) {
        let told = match failed.hash {
            Some(hash) => Told::Content(hash),
            None => Told::Error(failed.error.to_string()),
        };
        if self.told.as_ref() == Some(&told) {
            return;
        }
        tracing::error!(
            path = %self.store.path().display(),
            error = %failed.error,
            sessions = self.store.session_count(),
            "the session file cannot be used; the sessions read before are served on",
        );
        self.told = Some(told);
    }
}

fn notifications(way: Arc<Way>, wake: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let folders: Vec<_> = way.folders().map(Path::to_owned).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let matters = match &event {
            // Reading the file is no change of it, and we do so ourselves.
            Ok(event) => {
                is_change(event.kind)
                    && (event.need_rescan()
                        || event.paths.iter().any(|path| way.is_touched_by(path)))
            }
            // Events may have been lost.
            Err(_) => true,
        };
        if matters {
            // A signal that waits already says the same.
            let _ = wake.try_send(());
        }
    })?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
