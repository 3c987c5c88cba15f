//! A certificate for a server, and the CA that clients trust for it.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::failure::{Result, While};
use crate::load::NAME;
use crate::resolver;

/// The file with the CA's certificate.
pub(crate) const CA: &str = "ca.pem";

/// Writes `certificate.pem` and `key.pem`, and the CA.
pub(crate) fn write(folder: &Path) -> Result {
    let (ca, certificate, key) = make().while_doing("cannot make a certificate")?;
    resolver::write(&folder.join(CA), ca)?;
    resolver::write(&folder.join("certificate.pem"), certificate)?;
    // The word marks every secret of a test.
    let key = format!("tr0ub4dor, a key for a measurement\n{key}");
    resolver::write(&folder.join("key.pem"), key)
}

fn make() -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec![NAME.to_owned()])?.signed_by(&key, &Issuer::new(ca, ca_key))?;
    Ok((ca_certificate.pem(), certificate.pem(), key.serialize_pem()))
}
