//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the path of a file or folder of the repository.
#[must_use]
pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Returns the files below a folder of the repository that have one of these
/// extensions. Hidden folders and what builds leave are not searched.
///
/// # Panics
///
/// Panics if a folder cannot be read.
#[must_use]
pub fn files_with(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![in_repository(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
                found.push(path);
            }
        }
    }
    found
}
