//! [`open`]: opens a file without waiting.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::explained::explained;

/// Opens `path` for reading, and never waits: opening a FIFO would otherwise
/// block until it has a writer.
///
/// # Errors
///
/// If the operating system refuses to open the file. The message says what to
/// do about a file that is missing or may not be read.
pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path).map_err(|error| explained(path, error))
}
