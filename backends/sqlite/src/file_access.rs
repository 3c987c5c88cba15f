//! What the operating system allows this process to do with a file.

use std::path::Path;

/// Returns the bytes that this process can still write beside `path`, if the
/// file system reports it.
#[cfg(unix)]
pub(crate) fn free_bytes(path: &Path) -> Option<u64> {
    let file_system = rustix::fs::statvfs(path).ok()?;
    file_system.f_frsize.checked_mul(file_system.f_bavail)
}

#[cfg(unix)]
pub(crate) fn is_on_read_only_file_system(path: &Path) -> bool {
    rustix::fs::statvfs(path)
        .is_ok_and(|it| it.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))
}

#[cfg(unix)]
pub(crate) fn may_read(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::READ_OK).is_ok()
}

#[cfg(unix)]
pub(crate) fn may_write(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Names the user that this process runs as, and the owner of `path`.
#[cfg(unix)]
pub(crate) fn users(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(file) => format!(
            "this process runs as user {user}, and the owner is user {} (mode {:03o})",
            file.uid(),
            file.mode() & 0o777
        ),
        Err(_) => format!("this process runs as user {user}"),
    }
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(not(unix))]
pub(crate) fn is_on_read_only_file_system(_: &Path) -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn may_read(_: &Path) -> bool {
    true
}

#[cfg(not(unix))]
pub(crate) fn may_write(_: &Path) -> bool {
    true
}

#[cfg(not(unix))]
pub(crate) fn users(_: &Path) -> String {
    "this process has another user".to_owned()
}
