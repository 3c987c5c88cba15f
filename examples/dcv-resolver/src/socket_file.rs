//! [`SocketFile`]: the file of a Unix socket, as long as it is listened on.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// The file of a Unix socket. It is removed when this is dropped, unless another
/// process has put its own there.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Distinguishes a file from another one at its path, which may have its inode.
type Identity = (u64, i64, i64);

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
}

impl SocketFile {
    /// Listens on a Unix socket at `path`, in the place of one that a process
    /// has left behind. The process's umask decides who may connect.
    pub(crate) fn listen(path: &Path) -> io::Result<(UnixListener, Self)> {
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        let file = Self {
            path: path.to_owned(),
            identity: identity(path)?,
        };
        Ok((listener, file))
    }
}

/// Removes the socket at `path` if no one listens on it. Other files stay, and
/// binding fails.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type().is_socket(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if is_socket
        && let Err(error) = UnixStream::connect(path)
        && error.kind() == ErrorKind::ConnectionRefused
    {
        fs::remove_file(path)?;
    }
    Ok(())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|current| current == self.identity) {
            // If it stays, the next start removes it.
            let _ignored = fs::remove_file(&self.path);
        }
    }
}
