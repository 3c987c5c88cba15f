//! [`WatchedFiles`]: a few small files, looked at once a second.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

const INTERVAL: Duration = Duration::from_secs(1);
/// More than any certificate chain or list of tokens has. Without a limit, a
/// path that leads to a log by mistake would take the memory of the process.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a file holds, or why it cannot be read.
pub(crate) type Content = io::Result<Vec<u8>>;

/// Files that belong together, such as a certificate and its key.
///
/// They are told apart from what they were by their content, so that it does
/// not matter how they are replaced, or on what file system: written in place,
/// renamed over, or by a symbolic link that is turned elsewhere. Reading a few
/// kilobytes a second costs nothing, and needs no notifications that some file
/// systems do not send.
#[derive(Debug)]
pub(crate) struct WatchedFiles {
    paths: Arc<[PathBuf]>,
}

impl WatchedFiles {
    pub(crate) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            paths: paths.into_iter().collect(),
        }
    }

    /// Reads the files, in the order in which they were given.
    pub(crate) fn read(&self) -> Vec<Content> {
        read_all(&self.paths)
    }

    /// Hands the content to `take`, at once and then every second, and what is
    /// new to `tell`, until the future is dropped.
    ///
    /// `take` answers `None` when it uses this very content already. Nobody
    /// else can say so: it may be reloaded in between two looks. Content that
    /// it refuses is offered again: a certificate that is not yet valid will
    /// be.
    ///
    /// `tell` hears of a refusal when the files were refused for a second time
    /// in a row, since in between two writes they need not fit together, and
    /// then once for each content. It hears `None` when a refusal that it has
    /// heard of is over and the old content is back.
    pub(crate) async fn watch<T, E>(
        self,
        mut take: impl FnMut(Vec<Content>) -> Result<Option<T>, E>,
        mut tell: impl FnMut(Result<Option<T>, E>),
    ) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut refused_in_a_row = 0_u32;
        let mut told = None;
        loop {
            ticks.tick().await;
            let paths = Arc::clone(&self.paths);
            // A file system that hangs must not hang anything else.
            let read = tokio::task::spawn_blocking(move || read_all(&paths));
            let Ok(contents) = read.await else {
                continue;
            };
            let digest = digest(&contents);
            match take(contents) {
                Ok(news) => {
                    refused_in_a_row = 0;
                    if told.take().is_some() || news.is_some() {
                        tell(Ok(news));
                    }
                }
                Err(error) => {
                    refused_in_a_row = refused_in_a_row.saturating_add(1);
                    if refused_in_a_row > 1 && told != Some(digest) {
                        told = Some(digest);
                        tell(Err(error));
                    }
                }
            }
        }
    }
}

fn read_all(paths: &[PathBuf]) -> Vec<Content> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Content {
    // Opening a pipe would wait for somebody to write to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is not a file",
        ));
    }
    let mut content = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is larger than 1 MiB",
        ));
    }
    Ok(content)
}

/// Stands for the contents, so that no secret is kept just to compare it.
pub(crate) fn digest(contents: &[Content]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for content in contents {
        match content {
            Ok(bytes) => bytes.hash(&mut hasher),
            Err(error) => error.kind().hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;

    /// What was told, as text.
    type Told = Arc<Mutex<Vec<String>>>;

    /// Two files that are good when they hold the same.
    struct Pair {
        folder: TempDir,
        told: Told,
        may_be_taken: Arc<Mutex<bool>>,
    }

    impl Pair {
        fn new() -> Self {
            let pair = Self {
                folder: tempfile::tempdir().unwrap(),
                told: Told::default(),
                may_be_taken: Arc::new(Mutex::new(true)),
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
            let told = Arc::clone(&self.told);
            let may_be_taken = Arc::clone(&self.may_be_taken);
            let mut in_use = "old".to_owned();
            let take = move |contents: Vec<Content>| {
                let mut texts = contents.into_iter().map(|content| {
                    let bytes = content.map_err(|error| error.kind().to_string())?;
                    Ok::<_, String>(String::from_utf8(bytes).unwrap())
                });
                let (one, two) = (texts.next().unwrap()?, texts.next().unwrap()?);
                if one != two || !*may_be_taken.lock().unwrap() {
                    return Err(format!("{one} and {two}"));
                }
                if one == in_use {
                    return Ok(None);
                }
                in_use.clone_from(&one);
                Ok(Some(one))
            };
            let tell = move |news| told.lock().unwrap().push(format!("{news:?}"));
            tokio::spawn(WatchedFiles::new(paths).watch(take, tell))
        }

        /// What was told since the last time.
        fn told(&self) -> Vec<String> {
            std::mem::take(&mut self.told.lock().unwrap())
        }
    }

    /// The clock stands still while a file is read, so that this is the time
    /// for so many looks at the files.
    async fn looks(count: u32) {
        tokio::time::sleep(INTERVAL * count - INTERVAL / 2).await;
    }

    #[tokio::test(start_paused = true)]
    async fn new_content_is_taken_and_told_once() {
        let pair = Pair::new();
        let _watch = pair.watch();
        looks(3).await;
        assert_eq!(pair.told(), [""; 0]);

        pair.write("one", "new");
        pair.write("two", "new");
        looks(3).await;
        assert_eq!(pair.told(), [r#"Ok(Some("new"))"#]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_moment_between_two_writes_is_not_told() {
        let pair = Pair::new();
        let _watch = pair.watch();
        looks(2).await;
        pair.write("one", "new");
        tokio::time::sleep(INTERVAL).await;
        pair.write("two", "new");
        looks(3).await;
        assert_eq!(pair.told(), [r#"Ok(Some("new"))"#]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_bad_is_told_once_for_each_content() {
        let pair = Pair::new();
        let _watch = pair.watch();
        looks(2).await;
        pair.write("one", "bad");
        looks(10).await;
        assert_eq!(pair.told(), [r#"Err("bad and old")"#]);
        pair.write("one", "worse");
        looks(10).await;
        assert_eq!(pair.told(), [r#"Err("worse and old")"#]);
        fs::remove_file(pair.folder.path().join("one")).unwrap();
        looks(10).await;
        assert_eq!(pair.told(), [r#"Err("entity not found")"#]);

        pair.write("one", "old");
        looks(10).await;
        assert_eq!(pair.told(), ["Ok(None)"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_offered_again() {
        let pair = Pair::new();
        *pair.may_be_taken.lock().unwrap() = false;
        let _watch = pair.watch();
        pair.write("one", "new");
        pair.write("two", "new");
        looks(10).await;
        assert_eq!(pair.told(), [r#"Err("new and new")"#]);
        *pair.may_be_taken.lock().unwrap() = true;
        looks(2).await;
        assert_eq!(pair.told(), [r#"Ok(Some("new"))"#]);
    }

    #[test]
    fn only_a_file_of_reasonable_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![b'x'; 1024 * 1024]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1024 * 1024);
        fs::write(&path, vec![b'x'; 1024 * 1024 + 1]).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.to_string(), "the file is larger than 1 MiB");
        let error = read(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "this is not a file");
    }

    #[test]
    fn the_same_bytes_split_otherwise_are_other_content() {
        let split = |one: &str, two: &str| digest(&[Ok(one.into()), Ok(two.into())]);
        assert_ne!(split("ab", "c"), split("a", "bc"));
        assert_eq!(split("ab", "c"), split("ab", "c"));
    }
}
