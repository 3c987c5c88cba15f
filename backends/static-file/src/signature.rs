//! [`Signature`]: how a file looks without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// How a file looks without reading it. Where two signatures differ, the
/// content may; where they are the same, it is, but for changes within one
/// tick of the file system's clock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    File {
        len: u64,
        modified: Option<SystemTime>,
        unix: Option<Unix>,
    },
    Missing(io::ErrorKind),
}

/// Device, inode, and the time of the last change, of the metadata too, in
/// seconds and nanoseconds.
type Unix = (u64, u64, i64, i64);

impl Signature {
    pub(crate) fn of(path: &Path) -> Self {
        match std::fs::metadata(path) {
            Ok(metadata) => Self::File {
                len: metadata.len(),
                modified: metadata.modified().ok(),
                unix: unix(&metadata),
            },
            Err(error) => Self::Missing(error.kind()),
        }
    }

    /// Whether this is another file than `before` was, as a rename leaves it.
    /// Where inodes have no numbers that cannot be told.
    pub(crate) fn has_replaced(&self, before: &Self) -> bool {
        match (self.inode(), before.inode()) {
            (Some(now), Some(before)) => now != before,
            _ => false,
        }
    }

    fn inode(&self) -> Option<(u64, u64)> {
        match self {
            Self::File { unix, .. } => unix.map(|(device, inode, ..)| (device, inode)),
            Self::Missing(_) => None,
        }
    }
}

#[cfg(unix)]
fn unix(metadata: &Metadata) -> Option<Unix> {
    use std::os::unix::fs::MetadataExt;
    Some((
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

#[cfg(not(unix))]
fn unix(_metadata: &Metadata) -> Option<Unix> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// As `rsync --times` and `cp --preserve` leave it.
    #[test]
    fn another_file_of_the_same_length_and_time_looks_different() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        let new = folder.path().join("new");
        fs::write(&path, "one").unwrap();
        fs::write(&new, "two").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        File::options()
            .write(true)
            .open(&new)
            .unwrap()
            .set_modified(modified)
            .unwrap();

        let before = Signature::of(&path);
        assert_eq!(before, Signature::of(&path));
        fs::write(&path, "six").unwrap();
        assert!(!Signature::of(&path).has_replaced(&before));
        fs::rename(&new, &path).unwrap();
        let after = Signature::of(&path);
        assert_ne!(before, after);
        assert!(after.has_replaced(&before));

        fs::remove_file(&path).unwrap();
        assert!(!Signature::of(&path).has_replaced(&after));
    }
}
