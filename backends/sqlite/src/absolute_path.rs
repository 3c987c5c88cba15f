//! Paths that SQLite can use.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Makes the path absolute, so that it stays valid when the process changes
/// its working directory, and SQLite never takes it for a special name.
///
/// # Errors
///
/// If the path is empty, or is not UTF-8 without NUL: SQLite would use another
/// path.
pub(crate) fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    if path.to_str().is_none_or(|path| path.contains('\0')) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "the path of a database must be UTF-8 without NUL",
        ));
    }
    Ok(path)
}
