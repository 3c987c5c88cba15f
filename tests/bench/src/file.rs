//! Writing a file, with its path in the failure.

use std::fs;
use std::path::Path;

use crate::failure::{Result, While};

/// Writes `content` to `path`.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result {
    fs::write(path, content).while_doing(format_args!("cannot write {}", path.display()))
}
