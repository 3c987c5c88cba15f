//! Reads a whole file, and refuses what is not a file.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use dcv_resolver_file_watch::open;

use crate::{Format, LoadError};

/// How much is read before other threads run: it takes less time than a request.
const PIECE: u64 = 64 << 10;

/// Returns the bytes of the file at `path`, as many as `format` allows.
pub(crate) fn read(path: &Path, format: Format) -> Result<Vec<u8>, LoadError> {
    // A process that writes in place may not have finished.
    const ATTEMPTS: u8 = 3;
    for _ in 0..ATTEMPTS {
        if let Some(bytes) = read_once(path, format)? {
            return Ok(bytes);
        }
    }
    Err(LoadError::StillChanging {
        path: path.to_owned(),
    })
}

/// Returns `None` when the file changed meanwhile.
fn read_once(path: &Path, format: Format) -> Result<Option<Vec<u8>>, LoadError> {
    let unreadable = |source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut file = open(path).map_err(unreadable)?;
    let before = file.metadata().map_err(unreadable)?;
    if !before.is_file() {
        return Err(LoadError::NotAFile {
            path: path.to_owned(),
            found: describe(before.file_type()),
        });
    }
    let bytes = read_at_most(format.max_bytes(), &mut file, before.len());
    let Some(bytes) = bytes.map_err(unreadable)? else {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
            format,
        });
    };
    let after = file.metadata().map_err(unreadable)?;
    Ok((version(&before) == version(&after)).then_some(bytes))
}

/// Returns `None` when there is more. `len` is the size in the metadata, which
/// some file systems report as 0.
fn read_at_most(max: u64, file: &mut File, len: u64) -> io::Result<Option<Vec<u8>>> {
    if len > max {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(len).map_err(io::Error::other)?)?;
    let mut file = file.take(max + 1);
    while file.by_ref().take(PIECE).read_to_end(&mut bytes)? > 0 {
        thread::yield_now();
    }
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// Returns a value that changes when the file is written to, but not when
/// another is renamed over it: the open file is complete in that case.
fn version(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

fn describe(file_type: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file_type.is_fifo() {
            return "a FIFO";
        }
        if file_type.is_socket() {
            return "a socket";
        }
        if file_type.is_char_device() || file_type.is_block_device() {
            return "a device";
        }
    }
    if file_type.is_dir() {
        return "a directory";
    }
    "not a regular file"
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn file_written_to_meanwhile_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![b'#'; 1 << 20]).unwrap();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    file.write_all(b"#").unwrap();
                }
            });
            // The writer may be descheduled now and then.
            let began = Instant::now();
            let mut refused = false;
            while !refused && began.elapsed() < Duration::from_secs(10) {
                refused = matches!(
                    read(&path, Format::Toml),
                    Err(LoadError::StillChanging { .. })
                );
            }
            done.store(true, Ordering::Relaxed);
            assert!(refused);
        });
    }

    #[test]
    fn file_of_several_pieces_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        for len in [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
            let content: Vec<u8> = (0..len).map(|number| number as u8).collect();
            std::fs::write(&path, &content).unwrap();
            assert!(read(&path, Format::Toml).unwrap() == content, "{len}");
        }
    }

    #[test]
    fn more_than_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        std::fs::write(&path, "12345").unwrap();
        for (max, reported, whole) in [(5, 5, true), (5, 0, true), (4, 5, false), (4, 0, false)] {
            let mut file = open(&path).unwrap();
            let bytes = read_at_most(max, &mut file, reported).unwrap();
            assert_eq!(bytes.is_some(), whole, "at most {max}, reported {reported}");
        }
    }
}
