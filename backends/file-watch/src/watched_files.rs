//! [`WatchedFiles`]: a few small files, watched by a future.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::contents::{Content, digest, read_all};
use crate::file_watch::{FileWatch, Look};
use crate::guard::guard;
use crate::last_reported::LastReported;
use crate::reload::Reload;

const INTERVAL: Duration = Duration::from_secs(1);

/// Small files that belong together, such as a certificate and its key. Each
/// file has at most [`MAX_BYTES`](crate::MAX_BYTES).
#[derive(Debug)]
#[must_use]
pub struct WatchedFiles {
    paths: Arc<[PathBuf]>,
}

impl WatchedFiles {
    /// Watches `paths` once [`watch`](Self::watch) is called.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            paths: paths.into_iter().collect(),
        }
    }

    /// Reads the files, in the order in which they were given.
    ///
    /// This function blocks until the files are read.
    #[must_use]
    pub fn read(&self) -> Vec<Content> {
        read_all(&self.paths)
    }

    /// Looks at the files once a second until the future is dropped. Passes
    /// their content to `take` at the start and whenever it may have changed,
    /// and calls `report` with the results below.
    ///
    /// `take` returns [`Unchanged`](Reload::Unchanged) if exactly this content is
    /// already in use. Only `take` can decide that, since the caller may reload
    /// the files at any time. Content that it refuses is passed to it again every
    /// second: a certificate that is not valid yet becomes valid later.
    ///
    /// `report` gets every [`Replaced`](Reload::Replaced). It gets a refusal when
    /// it is the second in a row, since the files may not match between two
    /// writes, and then once for each content. It gets `Unchanged` only when the
    /// files are valid again after a reported refusal and contain what is in use.
    /// If `take` or `report` panics, the panic is logged, and the watch continues.
    ///
    /// This function needs tokio's timer and its threads for blocking work.
    pub async fn watch<E>(
        self,
        mut take: impl FnMut(Vec<Content>) -> Result<Reload, E>,
        mut report: impl FnMut(Result<Reload, E>),
    ) {
        let mut last_reported = LastReported::second_in_a_row();
        let mut watch = FileWatch::new(Arc::clone(&self.paths), INTERVAL);
        loop {
            let now = Instant::now().into_std();
            // A file system that hangs must not hang anything else.
            let looking = spawn_blocking(move || look(watch, now));
            // Only a runtime that shuts down cancels it.
            let Ok(looked) = looking.await else { return };
            watch = looked.watch;
            if let Some(contents) = looked.contents {
                let content = digest(&contents);
                let is_refused = guard(&self.paths, || {
                    let result = take(contents);
                    let is_refused = result.is_err();
                    let is_news = match &result {
                        Ok(reload) => last_reported.accepted() || *reload == Reload::Replaced,
                        Err(_) => last_reported.refused(content),
                    };
                    if is_news {
                        report(result);
                    }
                    is_refused
                });
                if is_refused == Some(true) {
                    watch.repeat();
                }
            }
            sleep(looked.wait).await;
        }
    }
}

struct Looked {
    watch: FileWatch,
    /// The content to pass to `take`, if any.
    contents: Option<Vec<Content>>,
    /// How long to wait before the next check.
    wait: Duration,
}

fn look(mut watch: FileWatch, now: std::time::Instant) -> Looked {
    let (contents, wait) = match watch.look(now) {
        Look::Again(wait) => (None, wait),
        Look::Read => (Some(read_all(watch.paths())), watch.interval()),
    };
    Looked {
        watch,
        contents,
        wait,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;

    /// What was reported, as text.
    type Reports = Arc<Mutex<Vec<String>>>;

    /// Two files that are valid when they hold the same.
    struct Pair {
        folder: TempDir,
        reports: Reports,
        accepts: Arc<Mutex<bool>>,
    }

    impl Pair {
        fn new() -> Self {
            let pair = Self {
                folder: tempfile::tempdir().unwrap(),
                reports: Reports::default(),
                accepts: Arc::new(Mutex::new(true)),
            };
            pair.write("one", "old");
            pair.write("two", "old");
            pair
        }

        fn write(&self, name: &str, content: &str) {
            fs::write(self.folder.path().join(name), content).unwrap();
        }

        fn watch(&self) -> tokio::task::JoinHandle<()> {
            let paths = ["one", "two"].map(|name| self.folder.path().join(name));
            let reports = Arc::clone(&self.reports);
            let accepts = Arc::clone(&self.accepts);
            let mut in_use = "old".to_owned();
            let take = move |contents: Vec<Content>| {
                let mut texts = contents.into_iter().map(|content| {
                    let bytes = content.map_err(|error| error.kind().to_string())?;
                    Ok::<_, String>(String::from_utf8(bytes).unwrap())
                });
                let (one, two) = (texts.next().unwrap()?, texts.next().unwrap()?);
                assert_ne!(one, "panic", "as the test asks for");
                if one != two || !*accepts.lock().unwrap() {
                    return Err(format!("{one} and {two}"));
                }
                if one == in_use {
                    return Ok(Reload::Unchanged);
                }
                in_use = one;
                Ok(Reload::Replaced)
            };
            let report = move |news| reports.lock().unwrap().push(format!("{news:?}"));
            tokio::spawn(WatchedFiles::new(paths).watch(take, report))
        }

        /// What was reported since the last call.
        fn reports(&self) -> Vec<String> {
            std::mem::take(&mut self.reports.lock().unwrap())
        }
    }

    /// Waits for several looks. The clock is paused, and stands still while
    /// files are read.
    async fn let_it_look() {
        sleep(INTERVAL * 10).await;
    }

    #[tokio::test(start_paused = true)]
    async fn new_content_is_taken_and_reported_once() {
        let pair = Pair::new();
        let _watch = pair.watch();
        let_it_look().await;
        assert_eq!(pair.reports(), [""; 0]);

        pair.write("one", "new");
        pair.write("two", "new");
        let_it_look().await;
        assert_eq!(pair.reports(), ["Ok(Replaced)"]);
    }

    /// The second write comes after the first check of the new pair, and before
    /// the second.
    #[tokio::test(start_paused = true)]
    async fn refusal_between_two_writes_is_not_reported() {
        let pair = Pair::new();
        let _watch = pair.watch();
        let_it_look().await;
        pair.write("one", "new");
        sleep(INTERVAL * 3 / 2).await;
        pair.write("two", "new");
        let_it_look().await;
        assert_eq!(pair.reports(), ["Ok(Replaced)"]);
    }

    #[tokio::test(start_paused = true)]
    async fn refusal_that_lasts_is_reported_once_for_each_content() {
        let pair = Pair::new();
        let _watch = pair.watch();
        let_it_look().await;
        pair.write("one", "bad");
        let_it_look().await;
        assert_eq!(pair.reports(), [r#"Err("bad and old")"#]);
        pair.write("one", "worse");
        let_it_look().await;
        assert_eq!(pair.reports(), [r#"Err("worse and old")"#]);
        fs::remove_file(pair.folder.path().join("one")).unwrap();
        let_it_look().await;
        assert_eq!(pair.reports(), [r#"Err("entity not found")"#]);

        pair.write("one", "old");
        let_it_look().await;
        assert_eq!(pair.reports(), ["Ok(Unchanged)"]);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_content_is_offered_again() {
        let pair = Pair::new();
        *pair.accepts.lock().unwrap() = false;
        let _watch = pair.watch();
        pair.write("one", "new");
        pair.write("two", "new");
        let_it_look().await;
        assert_eq!(pair.reports(), [r#"Err("new and new")"#]);
        *pair.accepts.lock().unwrap() = true;
        let_it_look().await;
        assert_eq!(pair.reports(), ["Ok(Replaced)"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_does_not_end_the_watch() {
        let pair = Pair::new();
        let _watch = pair.watch();
        pair.write("one", "panic");
        let_it_look().await;
        assert_eq!(pair.reports(), [""; 0]);
        pair.write("one", "new");
        pair.write("two", "new");
        let_it_look().await;
        assert_eq!(pair.reports(), ["Ok(Replaced)"]);
    }
}
