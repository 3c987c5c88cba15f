//! [`WatchThread`]: files watched on a thread.

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::file_watch::{FileWatch, Look};
use crate::guard::guard;

/// Watches files on a thread of its own until it is dropped.
///
/// Dropping it waits for the reload that may be under way.
///
/// ```
/// use std::time::Duration;
///
/// use dcv_resolver_file_watch::{AfterReload, WatchThread};
///
/// # fn main() -> std::io::Result<()> {
/// let paths = ["/etc/motd".into()];
/// let watch = WatchThread::spawn("motd", paths, Duration::from_secs(1), || {
///     match std::fs::read_to_string("/etc/motd") {
///         Ok(text) => println!("{text}"),
///         Err(_) => return AfterReload::Repeat,
///     }
///     AfterReload::Wait
/// })?;
/// drop(watch); // ends the thread
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct WatchThread {
    /// Never used to send; the thread ends when it is dropped.
    alive: Option<Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// What a watch does after a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterReload {
    /// Waits for the next change.
    Wait,
    /// Reloads once more after the interval, whether or not the files change.
    Repeat,
}

impl WatchThread {
    /// Starts a thread with the name `name` that looks at `paths` every
    /// `interval`, 10 milliseconds or more.
    ///
    /// It calls `reload` once at the start, in case the files have changed
    /// before, and then after each change. It may also call `reload` when
    /// nothing has changed, so compare the content. If `reload` panics, the
    /// panic is logged, and the watch continues.
    ///
    /// # Errors
    ///
    /// When the operating system refuses to start a thread.
    pub fn spawn(
        name: &str,
        paths: impl IntoIterator<Item = PathBuf>,
        interval: Duration,
        reload: impl FnMut() -> AfterReload + Send + 'static,
    ) -> io::Result<Self> {
        const MIN_INTERVAL: Duration = Duration::from_millis(10);
        let paths = paths.into_iter().collect();
        let watch = FileWatch::new(paths, interval.max(MIN_INTERVAL));
        let (alive, dropped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(watch, reload, &dropped))?;
        Ok(Self {
            alive: Some(alive),
            thread: Some(thread),
        })
    }
}

fn run(
    mut watch: FileWatch,
    mut reload: impl FnMut() -> AfterReload,
    dropped: &Receiver<Infallible>,
) {
    loop {
        let wait = match watch.look(Instant::now()) {
            Look::Again(wait) => wait,
            Look::Read => {
                // Not after a panic: the same content would cause it again.
                if guard(watch.paths(), &mut reload) == Some(AfterReload::Repeat) {
                    watch.repeat();
                }
                watch.interval()
            }
        };
        if dropped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

impl Drop for WatchThread {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            // The thread does not panic: each reload is guarded.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;

    const INTERVAL: Duration = Duration::from_millis(10);

    #[test]
    fn a_reload_that_panics_or_fails_does_not_end_the_watch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let (send, reloaded) = mpsc::channel();
        let mut count = 0;
        let _watch = WatchThread::spawn("test", [path.clone()], INTERVAL, move || {
            count += 1;
            send.send(count).unwrap();
            assert_ne!(count, 1, "as the test asks for");
            AfterReload::Repeat
        });
        for expected in 1..5 {
            let count = reloaded.recv_timeout(Duration::from_secs(10));
            assert_eq!(count, Ok(expected));
        }
    }

    #[test]
    fn dropping_it_ends_the_thread() {
        let value = Arc::new(());
        let held = Arc::clone(&value);
        let watch = WatchThread::spawn("test", [], Duration::from_secs(3600), move || {
            let _ = &held;
            AfterReload::Wait
        });
        drop(watch);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
