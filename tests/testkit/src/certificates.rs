//! [`write_certificates`]: certificates of one CA, as files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::authority::Authority;
use crate::identity::Identity;
use crate::start_error::StartError;

/// The certificate of the CA, in a folder of [`write_certificates`].
pub(crate) const CA_FILE: &str = "ca.pem";

fn certificate_file(name: &str) -> String {
    format!("{name}.pem")
}

fn key_file(name: &str) -> String {
    format!("{name}-key.pem")
}

/// Creates a CA, and writes certificates to a folder, which is created: `NAME.pem`
/// for each name and `localhost`, `NAME-key.pem` in PKCS#8, which only the user may
/// read, and finally `ca.pem`. Servers can use them, and so can clients, such as a
/// gateway. The key of the CA is not kept.
///
/// # Errors
///
/// [`StartError`], when a certificate cannot be issued or written.
pub fn write_certificates(folder: impl AsRef<Path>, names: &[String]) -> Result<(), StartError> {
    let folder = folder.as_ref();
    let failed = |error| {
        let what = format!("cannot write certificates to {}", folder.display());
        StartError::new(what, error)
    };
    let authority = Authority::new("CA of the stand-ins")?;
    fs::create_dir_all(folder).map_err(failed)?;
    for name in names {
        let identity = authority.issue(&[name.clone(), "localhost".to_owned()])?;
        write_secret(&folder.join(key_file(name)), &identity.key).map_err(failed)?;
        fs::write(folder.join(certificate_file(name)), identity.certificate).map_err(failed)?;
    }
    fs::write(folder.join(CA_FILE), authority.pem).map_err(failed)
}

/// Reads the certificate of a name from a folder of [`write_certificates`].
pub(crate) fn read_certificate(folder: &Path, name: &str) -> Result<Identity, StartError> {
    let path = |file: String| folder.join(file);
    Identity::read(&path(certificate_file(name)), &path(key_file(name)))
}

/// Writes a file that no other user may read.
fn write_secret(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content.as_bytes())
}
