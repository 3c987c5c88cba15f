//! Reads certificates and keys from PEM.

use std::path::Path;

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls_file_error::TlsFileError;

/// Returns the certificates of a file, of which there is at least one.
pub(crate) fn certificates(
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let begun = begun_certificates(bytes);
    if begun == 0 {
        let convert = format!("openssl x509 -inform DER -in {} -out NEW", path.display());
        let (found, remedy) = describe(bytes, &convert);
        return Err(TlsFileError::NoCertificate {
            path: path.to_owned(),
            found,
            remedy,
        });
    }
    // The parser skips what it does not recognize, such as BEGIN TRUSTED CERTIFICATE,
    // or a bundle whose files were joined without a line end.
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(bytes).flatten().collect();
    if certificates.len() < begun {
        return Err(TlsFileError::DamagedCertificate {
            path: path.to_owned(),
            begun,
            read: certificates.len(),
        });
    }
    Ok(certificates)
}

/// Returns the private key of a file.
pub(crate) fn key(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    let not_pkcs8 = |found| TlsFileError::KeyNotPkcs8 {
        path: path.to_owned(),
        found,
    };
    let blocks = <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes).flatten();
    for (kind, der) in blocks {
        match kind {
            SectionKind::PrivateKey => return Ok(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::RsaPrivateKey => return Err(not_pkcs8("PKCS#1")),
            SectionKind::EcPrivateKey => return Err(not_pkcs8("SEC1")),
            _ => {}
        }
    }
    let encrypted = count(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        + count(bytes, b"Proc-Type: 4,ENCRYPTED");
    if encrypted > 0 {
        return Err(TlsFileError::EncryptedKey {
            path: path.to_owned(),
        });
    }
    let convert = format!("openssl pkey -inform DER -in {} -out NEW", path.display());
    let (found, remedy) = describe(bytes, &convert);
    Err(TlsFileError::NoKey {
        path: path.to_owned(),
        found,
        remedy,
    })
}

/// Returns what a file contains instead, and what to do.
fn describe(bytes: &[u8], convert_der: &str) -> (&'static str, String) {
    let name_another = || "; name another file".to_owned();
    if bytes.trim_ascii().is_empty() {
        ("is empty", "; write it again".to_owned())
    } else if count(bytes, b"PRIVATE KEY-----") > 0 {
        ("contains a private key", name_another())
    } else if begun_certificates(bytes) > 0 {
        ("contains a certificate", name_another())
    } else if bytes.starts_with(&[0x30, 0x82]) {
        // A long ASN.1 sequence, as all certificates and nearly all keys are.
        (
            "is in DER format",
            format!("; convert it with '{convert_der}'"),
        )
    } else {
        ("contains something else", name_another())
    }
}

/// Returns how many certificates begin, of any label.
fn begun_certificates(bytes: &[u8]) -> usize {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let begins = bytes
        .windows(BEGIN.len())
        .enumerate()
        .filter(|(_, it)| *it == BEGIN);
    let labels = begins.filter_map(|(start, _)| {
        let label = bytes.get(start + BEGIN.len()..)?;
        label
            .split(|byte| matches!(byte, b'-' | b'\r' | b'\n'))
            .next()
    });
    labels
        .filter(|label| label.ends_with(b"CERTIFICATE"))
        .count()
}

fn count(bytes: &[u8], text: &[u8]) -> usize {
    let found = bytes.windows(text.len()).filter(|it| *it == text);
    found.count()
}
