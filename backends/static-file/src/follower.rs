//! [`Follower`]: what a [`Watcher`](crate::Watcher) does on its thread.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use crate::notifications::Notifications;
use crate::signature::Signature;
use crate::way::Way;
use crate::{LoadError, Reload, StaticFileStore, WatchOptions};

/// How long nothing must have happened before the file is read: who writes it
/// in place may be half-way through.
const QUIET: Duration = Duration::from_millis(100);
/// A file that is never quiet, as another is renamed over it again and again,
/// is read all the same, this long after it began to change.
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
    notifications: Option<Notifications>,
    /// Whether the operating system does not tell of changes on this way.
    is_refused: bool,
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
            is_refused: false,
            has_warned: false,
            read: None,
            told: None,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            let turn = panic::catch_unwind(AssertUnwindSafe(|| self.turn()));
            match turn {
                Ok(Ok(())) => {}
                Ok(Err(Stopped)) => return,
                Err(_) => self.tell_panic(),
            }
            if let Wake::Stop = self.wait(self.options.poll_interval) {
                return;
            }
        }
    }

    fn turn(&mut self) -> Result<(), Stopped> {
        self.follow_way();
        if self.may_have_changed() {
            let signature = self.settle()?;
            self.reload(signature);
        }
        Ok(())
    }

    /// A parser that panics, or a subscriber of the log, or the hook, must not
    /// end the watch in silence.
    fn tell_panic(&mut self) {
        // Not for ever over the same content.
        self.read = Some((Signature::of(self.store.path()), Instant::now()));
        let tell = || {
            tracing::error!(
                path = %self.store.path().display(),
                sessions = self.store.session_count(),
                "a panic while the session file was reloaded; the next change is followed still",
            );
        };
        let _ = panic::catch_unwind(AssertUnwindSafe(tell));
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
            let is_told = self
                .notifications
                .as_ref()
                .is_some_and(|notifications| !notifications.are_stale());
            if !self.options.notifications || (way == *self.way && (is_told || self.is_refused)) {
                return;
            }
            self.watch(way);
        }
    }

    fn watch(&mut self, way: Way) {
        self.way = Arc::new(way);
        let result = Notifications::of(&self.way, self.wake.clone());
        self.is_refused = match &result {
            // A folder of it is gone already: the next look leads elsewhere.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => false,
            Err(error) => {
                self.warn(error);
                true
            }
            Ok(_) => false,
        };
        self.notifications = result.ok();
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

    /// Waits until the file has stopped changing, and says how it looks then.
    ///
    /// A file that is written in place for ever is waited for as long: half of
    /// a TOML file may be valid, and nothing tells when it is whole.
    fn settle(&mut self) -> Result<Signature, Stopped> {
        let began = Instant::now();
        let mut before = Signature::of(self.store.path());
        loop {
            let wake = self.wait(QUIET);
            // Before the file is looked at: no later change goes unnoticed.
            self.follow_way();
            let now = Signature::of(self.store.path());
            let is_quiet = match wake {
                Wake::Stop => return Err(Stopped),
                Wake::Changed => false,
                Wake::TimedOut => now == before,
            };
            if is_quiet || (began.elapsed() >= MAX_UNREST && now.has_replaced(&before)) {
                return Ok(now);
            }
            before = now;
        }
    }

    fn reload(&mut self, signature: Signature) {
        self.read_and_tell();
        if self
            .read
            .as_ref()
            .is_none_or(|(read, _)| *read != signature)
        {
            self.read = Some((signature, Instant::now()));
        }
    }

    fn read_and_tell(&mut self) {
        let store = Arc::clone(&self.store);
        let (read, result) = match store.read() {
            Ok(reading) => {
                let content = Told::Content(reading.hash);
                if self.told.as_ref() == Some(&content) {
                    // Parsing it again would say the same.
                    return;
                }
                (content, store.take(reading))
            }
            Err(error) => (Told::Error(error.to_string()), Err(error)),
        };
        let is_news = match &result {
            Ok(reload) => self.tell_good(*reload),
            Err(error) => self.tell_bad(read, error),
        };
        if is_news && let Some(on_reload) = &self.options.on_reload {
            on_reload(&result);
        }
    }

    /// Whether there was something to tell.
    fn tell_good(&mut self, reload: Reload) -> bool {
        let was_bad = self.told.take().is_some();
        if reload == Reload::Unchanged && !was_bad {
            return false;
        }
        tracing::info!(
            path = %self.store.path().display(),
            sessions = self.store.session_count(),
            "{}",
            if was_bad { "the session file is good again" } else { "the session file has changed" },
        );
        true
    }

    /// Whether there was something to tell.
    fn tell_bad(&mut self, read: Told, error: &LoadError) -> bool {
        if self.told.as_ref() == Some(&read) {
            return false;
        }
        tracing::error!(
            path = %self.store.path().display(),
            %error,
            sessions = self.store.session_count(),
            "the session file cannot be used; the sessions read before are served on",
        );
        self.told = Some(read);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn follower(folder: &std::path::Path) -> Follower {
        let path = folder.join("sessions.toml");
        fs::write(&path, "[sessions]").unwrap();
        let store = Arc::new(StaticFileStore::load(path).unwrap());
        let (wake, woken) = sync_channel(1);
        let options = WatchOptions::default().poll_only();
        Follower::new(store, options, Arc::default(), wake, woken)
    }

    #[test]
    fn a_file_settles_once_nothing_has_happened_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let mut follower = follower(folder.path());
        follower.wake.send(()).unwrap();
        let began = Instant::now();
        assert!(follower.settle().is_ok());
        assert!(began.elapsed() >= QUIET);

        follower.stop.store(true, Ordering::Release);
        assert!(follower.settle().is_err());
    }

    #[test]
    fn a_folder_that_is_gone_before_it_is_watched_is_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut follower = follower(folder.path());
        follower.options = WatchOptions::default();
        let path = folder.path().join("sub");
        fs::create_dir(&path).unwrap();
        let way = Way::of(&path.join("sessions.toml"));
        fs::remove_dir(&path).unwrap();
        follower.watch(way);
        assert!(follower.notifications.is_none());
        assert!(!follower.has_warned);

        // As if the same folder were there again.
        follower.way = Arc::new(Way::of(follower.store.path()));
        follower.follow_way();
        assert!(follower.notifications.is_some());
    }

    #[test]
    fn content_that_has_failed_is_not_parsed_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut follower = follower(folder.path());
        let store = Arc::clone(&follower.store);
        let session = "[sessions.a]\nhost = '192.0.2.7'\nhttp_port = 1\n";
        fs::write(store.path(), session).unwrap();
        // It is good, which nobody learns who does not parse it.
        follower.told = Some(Told::Content(store.read().unwrap().hash));
        follower.read_and_tell();
        assert_eq!(store.session_count(), 0);
        fs::write(store.path(), format!("{session}\n")).unwrap();
        follower.read_and_tell();
        assert_eq!(store.session_count(), 1);
    }

    #[test]
    fn a_file_is_read_again_while_a_change_of_it_may_look_like_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut follower = follower(folder.path());
        let mut read_before = |age| {
            let signature = Signature::of(follower.store.path());
            follower.read = Instant::now().checked_sub(age).map(|at| (signature, at));
            follower.may_have_changed()
        };
        assert!(read_before(Duration::ZERO));
        assert!(!read_before(MAX_TICK));
    }
}
