//! The write-ahead log that a killed process left beside a database.
//!
//! SQLite applies a log to whatever database has its name without `-wal`. If
//! someone copies a backup over the database and leaves the log, the result is
//! damaged, or the restored sessions disappear. Nothing in the log says which
//! database it belongs to, but these facts do:
//!
//! - SQLite writes to a database only what its log already contains. So a
//!   database that changed after its log contains at least the first pages of
//!   the log, since a checkpoint writes pages in ascending order.
//! - A copied or moved file has a new change time (`ctime`), which cannot be
//!   set. A log that was left behind still has the change time of its last
//!   write. If the log was moved as well, only the times of writing can be
//!   compared. A changed mode or owner also sets the change time, which looks
//!   like a move.
//!
//! <https://sqlite.org/fileformat2.html#walformat> describes the log.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::error::error;
use crate::file_identity::FileIdentity;
use crate::sidecar_paths::log_of;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// How many of the first pages must be in the database. The first page alone
/// may be the same in two databases: it contains the schema and their sizes.
const COMPARED_PAGES: usize = 2;

/// How often the files are compared, while another process changes them.
const ATTEMPTS: usize = 20;
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The log is older than the database, and no part of it is in the database. A
/// changed mode or owner also makes a database newer.
#[derive(Debug, thiserror::Error)]
#[error(
    "{log} was left by a process that was killed; since then, {database} was replaced, or its mode or owner was changed; \
     if only the mode or the owner was changed, or both files were copied together, the log has the last sessions: run `touch {log}`; \
     if the database was replaced, the log belongs to another database: move the log away"
)]
struct ForeignLog {
    database: String,
    log: String,
}

/// Fails if the log beside `database` belongs to another database.
pub(crate) async fn ensure_own(database: &Path) -> Result<(), StoreError> {
    let log = log_of(database);
    for _ in 0..ATTEMPTS {
        let times = Times::of_both(database, &log);
        // Without a log there is nothing to compare, and what cannot be read
        // fails when SQLite opens it, with an error of its own.
        let Some((file, of_log)) = &times else {
            return Ok(());
        };
        let is_older = if of_log.changed == of_log.written {
            of_log.changed < file.changed
        } else {
            of_log.written < file.written
        };
        if !is_older || matches!(is_begun(database, &log), Ok(true) | Err(_)) {
            return Ok(());
        }
        if Times::of_both(database, &log) == times {
            return Err(error(StoreErrorKind::CorruptStore).with_source(ForeignLog {
                database: database.display().to_string(),
                log: log.display().to_string(),
            }));
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
    // Another process uses both right now.
    Ok(())
}

/// When a file was written, and when anything about it changed, in nanoseconds.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    written: i128,
    changed: i128,
}

impl Times {
    fn of(path: &Path) -> Option<Self> {
        let nanoseconds = |seconds, rest| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let file = fs::metadata(path).ok()?;
        Some(Self {
            written: nanoseconds(file.mtime(), file.mtime_nsec()),
            changed: nanoseconds(file.ctime(), file.ctime_nsec()),
        })
    }

    /// Returns `None` unless both files exist.
    fn of_both(database: &Path, log: &Path) -> Option<(Self, Self)> {
        Some((Self::of(database)?, Self::of(log)?))
    }
}

/// Returns whether the first pages of the log are in the database, or the log
/// holds none.
fn is_begun(database: &Path, log: &Path) -> io::Result<bool> {
    let mut log = Log::open(log)?;
    let pages = log.committed_pages()?;
    for (page, frames) in pages.iter().take(COMPARED_PAGES) {
        let position = u64::from(page - 1) * log.page_bytes;
        let read = |file: &File, position| {
            let mut content = vec![0; usize::try_from(log.page_bytes).unwrap_or(0)];
            match file.read_exact_at(&mut content, position) {
                Ok(()) => Ok(Some(content)),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(error),
            }
        };
        let Some(content) = with_database(database, |file| read(file, position))? else {
            return Ok(false);
        };
        let mut is_in_database = false;
        for frame in frames {
            is_in_database |= read(&log.file, *frame)?.as_ref() == Some(&content);
        }
        if !is_in_database {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Calls `read` with the file at `path`, which is opened once and never closed:
/// closing it would release the locks of this process's connections to it.
fn with_database<T>(path: &Path, read: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
    static OPENED: Mutex<Vec<(FileIdentity, File)>> = Mutex::new(Vec::new());

    let identity = FileIdentity::of(path)?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, file)) = opened.iter().find(|(known, _)| *known == identity) {
        return read(file);
    }
    let file = File::open(path)?;
    let result = read(&file);
    opened.push((identity, file));
    result
}

struct Log {
    file: File,
    page_bytes: u64,
    /// Frames with other salts were written before the log was restarted.
    salts: [u32; 2],
}

impl Log {
    /// An empty log has no pages.
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut header = [0; HEADER_BYTES];
        let is_empty = file.metadata()?.len() < HEADER_BYTES as u64;
        if !is_empty {
            file.read_exact(&mut header)?;
        }
        // Magic number, version, page size, sequence number, two salts, checksum.
        let [_, _, page_bytes, _, salt_1, salt_2, _, _] = words(header);
        Ok(Self {
            file,
            page_bytes: page_bytes.into(),
            salts: [salt_1, salt_2],
        })
    }

    /// Returns the positions of the contents of each page, up to the last
    /// commit.
    fn committed_pages(&mut self) -> io::Result<BTreeMap<u32, Vec<u64>>> {
        let (mut committed, mut pending) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        if self.page_bytes == 0 {
            return Ok(committed);
        }
        let mut position = HEADER_BYTES as u64;
        self.file.seek(SeekFrom::Start(position))?;
        let mut frames = BufReader::new(&mut self.file);
        let mut header = [0; FRAME_HEADER_BYTES];
        while frames.read_exact(&mut header).is_ok() {
            // The size of the database is 0 in all but the last frame of a
            // transaction.
            let [page, database_pages, salt_1, salt_2, _, _] = words(header);
            if [salt_1, salt_2] != self.salts || page == 0 {
                break;
            }
            position += FRAME_HEADER_BYTES as u64;
            pending.push((page, position));
            if database_pages != 0 {
                for (page, position) in pending.drain(..) {
                    committed.entry(page).or_default().push(position);
                }
            }
            position += self.page_bytes;
            frames.seek_relative(self.page_bytes.try_into().unwrap_or(i64::MAX))?;
        }
        Ok(committed)
    }
}

/// Splits a header into its big-endian numbers.
fn words<const BYTES: usize, const WORDS: usize>(header: [u8; BYTES]) -> [u32; WORDS] {
    let (words, _) = header.as_chunks::<4>();
    let mut numbers = words.iter().map(|word| u32::from_be_bytes(*word));
    std::array::from_fn(|_| numbers.next().unwrap_or_default())
}
