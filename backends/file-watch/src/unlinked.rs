//! [`UnlinkedFiles`]: warns of files whose replacement cannot be seen.

use std::path::PathBuf;

use crate::stamp::FileStamp;

/// Warns once about each path that still opens a deleted file.
///
/// A container that mounts a single file keeps that very file. If an editor or
/// a configuration tool on the host renames a new file over it, the container
/// never sees the new file.
#[derive(Debug, Default)]
pub(crate) struct UnlinkedFiles {
    reported: Vec<PathBuf>,
}

impl UnlinkedFiles {
    /// Logs a warning for each of `paths` that has become unlinked. `stamps`
    /// are the stamps of these paths, in the same order.
    pub(crate) fn check(&mut self, paths: &[PathBuf], stamps: &[FileStamp]) {
        for path in self.newly_unlinked(paths, stamps) {
            tracing::warn!(
                path = %path.display(),
                "the file was replaced or deleted, but this path still leads to the old one, as \
                 when a container mounts a single file: changes are not seen; mount the folder of \
                 the file instead",
            );
        }
    }

    fn newly_unlinked(&mut self, paths: &[PathBuf], stamps: &[FileStamp]) -> Vec<PathBuf> {
        let unlinked: Vec<PathBuf> = paths
            .iter()
            .zip(stamps)
            .filter(|(_, stamp)| stamp.is_unlinked())
            .map(|(path, _)| path.clone())
            .collect();
        let before = std::mem::replace(&mut self.reported, unlinked.clone());
        let mut newly = unlinked;
        newly.retain(|path| !before.contains(path));
        newly
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::os::fd::AsRawFd;

    use super::*;

    /// `/proc/self/fd` leads to a deleted file as the mount of a single file
    /// does.
    #[test]
    fn path_to_a_deleted_file_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.toml");
        let file = File::create(&path).unwrap();
        let paths = [PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))];
        let stamps = || [FileStamp::of(&paths[0])];
        let mut unlinked = UnlinkedFiles::default();
        assert!(unlinked.newly_unlinked(&paths, &stamps()).is_empty());
        fs::remove_file(&path).unwrap();
        assert_eq!(unlinked.newly_unlinked(&paths, &stamps()), paths);
        assert!(unlinked.newly_unlinked(&paths, &stamps()).is_empty());
    }

    #[test]
    fn path_that_leads_to_nothing_is_not_unlinked() {
        let paths = [PathBuf::from("/nonexistent/sessions.toml")];
        let stamps = [FileStamp::of(&paths[0])];
        assert!(
            UnlinkedFiles::default()
                .newly_unlinked(&paths, &stamps)
                .is_empty()
        );
    }
}
