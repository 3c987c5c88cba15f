//! A certificate for a server, and the CA that clients trust for it.

use std::path::Path;

use dcv_resolver_test_support::pki::Ca;

use crate::failure::Result;
use crate::file;
use crate::target::NAME;

/// The file with the CA's certificate.
pub(crate) const CA: &str = "ca.pem";

/// Writes `certificate.pem` and `key.pem`, and the CA.
pub(crate) fn write(folder: &Path) -> Result {
    let ca = Ca::new("a measurement");
    let pair = ca.issue(&[NAME], |_| {});
    file::write(&folder.join(CA), ca.pem)?;
    file::write(&folder.join("certificate.pem"), pair.certificate)?;
    file::write(&folder.join("key.pem"), pair.key)
}
