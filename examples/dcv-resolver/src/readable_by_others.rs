//! Files that every user of the machine may read.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Returns a warning if users other than the owner and its group may read the
/// database `path`, which shows where every session is.
pub(crate) fn warning(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        format!(
            "every user of this machine may read {path}; run `chmod o-rwx {path}*`",
            path = path.display()
        )
    })
}
