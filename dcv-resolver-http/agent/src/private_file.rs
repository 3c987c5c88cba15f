//! Writes files of the state folder, which may have to be created.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Creates a folder that only the user of this process may read, unless it
/// exists.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces a file that only the user of this process may read, whole or not at
/// all, unless the machine loses power.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write_and_rename(path, content, |_| Ok(()))
}

/// Replaces a file as [`replace`] does, and so that the new one is kept even if
/// the machine loses power. It waits for the disk.
pub(crate) fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    write_and_rename(path, content, File::sync_all)?;
    // The new name is in the folder, which `parent` leaves empty if it is the
    // current one.
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn write_and_rename(
    path: &Path,
    content: &[u8],
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    sync(&file)?;
    fs::rename(new, path)
}
