//! [`lease_token`]: the lease token of an agent, which a restart keeps.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use dcv_resolver_core::{InvalidLeaseToken, LeaseToken};

use crate::private_file;

/// An error that occurs when a lease token can be neither read nor created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseFileError {
    /// The file cannot be read.
    #[error("cannot read the lease token in {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file does not contain a lease token.
    #[error(
        "{path} holds no valid lease token; remove the file to get a new token: sessions that are registered now then expire with their leases"
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: InvalidLeaseToken,
    },
    /// The system has no random bytes for a token.
    #[error("the system has no random bytes for a lease token")]
    Random(#[source] getrandom::Error),
    /// The file cannot be written.
    #[error("cannot write a lease token to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Returns the lease token in the file `lease-token` of `folder`. If there is
/// no such file, creates it, and the folder, so that only the user of this
/// process can read them.
///
/// An agent that uses the same folder after a restart owns the sessions that it
/// registered before. Agents that run at the same time need a folder each.
///
/// # Errors
///
/// [`LeaseFileError`], when the file cannot be read or created, or is invalid. An
/// invalid file is never replaced.
pub fn lease_token(folder: &Path) -> Result<LeaseToken, LeaseFileError> {
    let path = folder.join("lease-token");
    match dcv_resolver_file_watch::read(&path) {
        Ok(text) => {
            let token = String::from_utf8_lossy(&text).trim().parse();
            token.map_err(|source| LeaseFileError::Invalid { path, source })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut bytes = [0; LeaseToken::BYTES];
            getrandom::fill(&mut bytes).map_err(LeaseFileError::Random)?;
            let token = LeaseToken::from_bytes(bytes);
            let line = format!("{}\n", token.expose_hex());
            let written = private_file::create_folder(folder)
                .and_then(|()| private_file::replace_durably(&path, line.as_bytes()));
            match written {
                Ok(()) => Ok(token),
                Err(source) => Err(LeaseFileError::Write { path, source }),
            }
        }
        Err(source) => Err(LeaseFileError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn token_is_created_once_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("state");
        let token = lease_token(&missing).unwrap();
        assert_eq!(lease_token(&missing).unwrap(), token);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(lease_token(other.path()).unwrap(), token);
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(missing.join("lease-token")), 0o600);
        assert_eq!(mode(missing), 0o700);
    }

    #[test]
    fn file_that_is_not_a_token_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lease-token");
        fs::write(&path, "tr0ub4dor").unwrap();
        let error = lease_token(folder.path()).unwrap_err();
        assert!(matches!(error, LeaseFileError::Invalid { .. }));
        assert!(!error.to_string().contains("tr0ub4dor"));
        assert_eq!(fs::read(path).unwrap(), b"tr0ub4dor");
    }

    #[test]
    fn folder_that_cannot_be_used_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("to-nowhere");
        std::os::unix::fs::symlink(folder.path().join("missing"), &link).unwrap();
        let error = lease_token(&link).unwrap_err();
        assert!(matches!(error, LeaseFileError::Write { .. }), "{error:?}");
    }
}
