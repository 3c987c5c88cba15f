//! [`FileWatch`]: decides when files are read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::stamp::FileStamp;
use crate::unlinked::UnlinkedFiles;

/// How long a file must stay unchanged before it is read: its writer may not
/// have finished.
const QUIET: Duration = Duration::from_millis(100);
/// Files that keep changing, because others are renamed over them again and
/// again, are read this long after the first change.
const MAX_UNREST: Duration = Duration::from_secs(1);
/// Two changes within a tick of the file system's clock look the same. The
/// coarsest file systems have ticks of two seconds.
const MAX_TICK: Duration = Duration::from_secs(3);

/// Decides when files are read. It has neither a clock nor a thread: the caller
/// calls [`look`](Self::look) again after the time that it returns.
#[derive(Debug)]
pub(crate) struct FileWatch {
    paths: Arc<[PathBuf]>,
    interval: Duration,
    /// The last reading. `None` before the first, and when it is to be repeated.
    reading: Option<Reading>,
    /// The stamps of the last check, and when the files began to change. `None`
    /// while they do not.
    settling: Option<(Stamps, Instant)>,
    unlinked: UnlinkedFiles,
}

#[derive(Debug)]
struct Reading {
    stamps: Stamps,
    /// When the files were first read with these stamps.
    first: Instant,
    last: Instant,
}

/// What to do after a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Look again after this long.
    Again(Duration),
    /// Read the files, and look again after the interval.
    Read,
}

impl FileWatch {
    /// Watches `paths`, which are read once even if they do not change: they
    /// may have changed before the watch began.
    pub(crate) fn new(paths: Arc<[PathBuf]>, interval: Duration) -> Self {
        Self {
            paths,
            interval,
            reading: None,
            settling: None,
            unlinked: UnlinkedFiles::default(),
        }
    }

    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// How long to wait between two looks while nothing changes.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Looks at the files at the time `now`.
    ///
    /// A file that is continuously written in place is never read: half of its
    /// content could be valid, and nothing shows when it is complete.
    pub(crate) fn look(&mut self, now: Instant) -> Look {
        let stamps = Stamps::of(&self.paths);
        let Some((before, since)) = self.settling.take() else {
            if self.is_current(&stamps) {
                // Only now, since a file that is being renamed over may have
                // been open.
                self.unlinked.check(&self.paths, &stamps.0);
                return Look::Again(self.interval);
            }
            self.settling = Some((stamps, now));
            return Look::Again(QUIET);
        };
        let is_restless = now.duration_since(since) >= MAX_UNREST;
        if stamps == before || (is_restless && stamps.have_replaced(&before)) {
            self.note_reading(stamps, now);
            return Look::Read;
        }
        self.settling = Some((stamps, since));
        Look::Again(QUIET)
    }

    /// Schedules another reading although the files do not change: the last one
    /// failed, or its content was refused and may be accepted later.
    pub(crate) fn repeat(&mut self) {
        self.reading = None;
    }

    fn is_current(&self, stamps: &Stamps) -> bool {
        self.reading.as_ref().is_some_and(|reading| {
            reading.stamps == *stamps && reading.last.duration_since(reading.first) >= MAX_TICK
        })
    }

    fn note_reading(&mut self, stamps: Stamps, now: Instant) {
        let known = self.reading.take();
        let known = known.filter(|reading| reading.stamps == stamps);
        self.reading = Some(Reading {
            stamps,
            first: known.map_or(now, |reading| reading.first),
            last: now,
        });
    }
}

/// The stamps of all paths.
#[derive(Debug, PartialEq, Eq)]
struct Stamps(Vec<FileStamp>);

impl Stamps {
    fn of(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(|path| FileStamp::of(path)).collect())
    }

    fn have_replaced(&self, before: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&before.0);
        pairs.any(|(now, before)| now.has_replaced(before))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const IDLE: Look = Look::Again(INTERVAL);
    const SETTLING: Look = Look::Again(QUIET);

    /// Two watched files, and the time as the watch sees it.
    struct Watched {
        folder: TempDir,
        watch: FileWatch,
        now: Instant,
        writes: usize,
    }

    impl Watched {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let paths = ["one", "two"].map(|name| folder.path().join(name));
            for path in &paths {
                fs::write(path, "").unwrap();
            }
            Self {
                folder,
                watch: FileWatch::new(paths.into(), INTERVAL),
                now: Instant::now(),
                writes: 0,
            }
        }

        /// Has read the files long ago.
        fn idle() -> Self {
            let mut watched = Self::new();
            watched.read();
            watched.become_idle();
            watched
        }

        /// Reads once more: the interval is longer than any tick.
        fn become_idle(&mut self) {
            self.read();
            assert_eq!(self.look_after(INTERVAL), IDLE);
        }

        fn look_after(&mut self, time: Duration) -> Look {
            self.now += time;
            self.watch.look(self.now)
        }

        /// The files have changed, and are read once they are quiet.
        fn read(&mut self) {
            assert_eq!(self.look_after(INTERVAL), SETTLING);
            assert_eq!(self.look_after(QUIET), Look::Read);
        }

        /// Another length each time: the file system's clock may stand still.
        fn text(&mut self) -> String {
            self.writes += 1;
            "x".repeat(self.writes)
        }

        fn write(&mut self, name: &str) {
            let text = self.text();
            fs::write(self.folder.path().join(name), text).unwrap();
        }

        fn rename_over(&mut self, name: &str) {
            self.write("new");
            let path = |name| self.folder.path().join(name);
            fs::rename(path("new"), path(name)).unwrap();
        }
    }

    #[test]
    fn files_are_read_at_first_and_after_a_change_of_any() {
        let mut watched = Watched::idle();
        for name in ["one", "two"] {
            watched.write(name);
            watched.read();
            watched.become_idle();
        }
    }

    #[test]
    fn a_missing_file_and_a_file_that_is_back_are_changes() {
        let mut watched = Watched::idle();
        let path = watched.folder.path().join("one");
        fs::remove_file(&path).unwrap();
        watched.read();
        watched.write("one");
        watched.read();
    }

    #[test]
    fn a_file_written_in_place_is_not_read_before_it_is_quiet() {
        let mut watched = Watched::idle();
        for _ in 0..100 {
            watched.write("one");
            assert_eq!(watched.look_after(QUIET), SETTLING);
        }
        assert_eq!(watched.look_after(QUIET), Look::Read);
    }

    #[test]
    #[cfg(unix)]
    fn a_file_renamed_over_without_a_pause_is_read_all_the_same() {
        let mut watched = Watched::idle();
        let mut looks = 0;
        loop {
            watched.rename_over("one");
            looks += 1;
            if watched.look_after(QUIET) == Look::Read {
                break;
            }
        }
        assert_eq!(looks, 11);
    }

    #[test]
    fn files_are_read_again_while_a_change_may_look_like_none() {
        let mut watched = Watched::new();
        watched.read();
        for _ in 0..3 {
            assert_eq!(watched.look_after(MAX_TICK / 3), SETTLING);
            assert_eq!(watched.look_after(QUIET), Look::Read);
        }
        assert_eq!(watched.look_after(MAX_TICK / 3), IDLE);
    }

    #[test]
    fn a_reading_is_repeated_on_request() {
        let mut watched = Watched::idle();
        for _ in 0..3 {
            watched.watch.repeat();
            watched.read();
        }
    }
}
