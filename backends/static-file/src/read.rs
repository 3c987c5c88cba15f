//! Reads a whole file, and refuses what is not one.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use crate::{LoadError, SessionFile};

/// The bytes of the file at `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    // Somebody who writes into the file in place may be half-way through.
    const ATTEMPTS: u8 = 3;
    for _ in 0..ATTEMPTS {
        if let Some(bytes) = read_once(path)? {
            return Ok(bytes);
        }
    }
    Err(LoadError::StillChanging {
        path: path.to_owned(),
    })
}

/// `None` when the file changed meanwhile.
fn read_once(path: &Path) -> Result<Option<Vec<u8>>, LoadError> {
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
    if before.len() > SessionFile::MAX_BYTES {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
        });
    }
    let bytes = read_up_to(&mut file, before.len()).map_err(unreadable)?;
    let after = file.metadata().map_err(unreadable)?;
    let is_whole = bytes.len() as u64 == before.len() && version(&before) == version(&after);
    Ok(is_whole.then_some(bytes))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a FIFO would wait for its writer otherwise.
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

fn read_up_to(file: &mut File, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let capacity = usize::try_from(len).map_err(io::Error::other)?;
    bytes.try_reserve_exact(capacity)?;
    // One more than it should have, to notice that it has grown.
    file.take(len + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

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
    "no regular file"
}
