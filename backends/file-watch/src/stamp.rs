//! [`FileStamp`]: the identity and metadata of a file, to detect changes
//! without reading it.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::open::open;

/// The identity and metadata of a file, to detect changes without reading it.
///
/// If two stamps differ, the content may differ. If they are equal, so is the
/// content, except for changes within one tick of the file system's clock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileStamp {
    Opened {
        len: u64,
        modified: Option<SystemTime>,
        unix: Option<Unix>,
        unlinked: bool,
    },
    Unreadable(io::ErrorKind),
}

/// Device, inode, and the time of the last change, including that of the
/// metadata, in seconds and nanoseconds.
type Unix = (u64, u64, i64, i64);

impl FileStamp {
    /// Opens the file, because a network file system asks its server when a
    /// file is opened; the metadata of a path may come from a cache that is up
    /// to a minute old.
    pub(crate) fn of(path: &Path) -> Self {
        match open(path).and_then(|file| file.metadata()) {
            Ok(metadata) => Self::Opened {
                len: metadata.len(),
                modified: metadata.modified().ok(),
                unix: unix(&metadata),
                unlinked: is_unlinked(&metadata),
            },
            Err(error) => Self::Unreadable(error.kind()),
        }
    }

    /// Returns whether the open file has no name left in any folder.
    pub(crate) fn is_unlinked(&self) -> bool {
        matches!(self, Self::Opened { unlinked: true, .. })
    }

    /// Returns whether this is another file than `before`, as after a rename.
    /// Without inode numbers, it returns `false`.
    pub(crate) fn has_replaced(&self, before: &Self) -> bool {
        match (self.inode(), before.inode()) {
            (Some(now), Some(before)) => now != before,
            _ => false,
        }
    }

    fn inode(&self) -> Option<(u64, u64)> {
        match self {
            Self::Opened { unix, .. } => unix.map(|(device, inode, ..)| (device, inode)),
            Self::Unreadable(_) => None,
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

#[cfg(unix)]
fn is_unlinked(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() == 0
}

#[cfg(not(unix))]
fn is_unlinked(_metadata: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn unix(_metadata: &Metadata) -> Option<Unix> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, File};

    use super::*;

    /// The times that `rsync --times` and `cp --preserve` leave.
    #[test]
    fn another_file_of_equal_length_and_time_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
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

        let before = FileStamp::of(&path);
        assert_eq!(before, FileStamp::of(&path));
        fs::write(&path, "six").unwrap();
        assert!(!FileStamp::of(&path).has_replaced(&before));
        fs::rename(&new, &path).unwrap();
        let after = FileStamp::of(&path);
        assert_ne!(before, after);
        assert!(after.has_replaced(&before));

        fs::remove_file(&path).unwrap();
        assert!(!FileStamp::of(&path).has_replaced(&after));
    }
}
