//! [`PemFile`]: reads certificates and keys from PEM.

use std::path::Path;

use dcv_resolver_file_watch::Content;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::der::DerKind;
use super::error::TlsError;
use super::pem_block::{Block, blocks};
use super::unexpected::{Label, Role, unexpected_block, unexpected_file};

/// The content of a file, and its path for errors.
pub(super) struct PemFile<'a> {
    path: &'a Path,
    role: Role,
    bytes: Vec<u8>,
}

/// A certificate, and the line where it begins.
pub(super) struct PemCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) line: usize,
}

impl<'a> PemFile<'a> {
    pub(super) fn new(path: &'a Path, role: Role, content: Content) -> Result<Self, TlsError> {
        let bytes = content.map_err(|source| TlsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path, role, bytes })
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns all certificates, of which there is at least one. A file that
    /// also holds the key is fine, except for client CAs.
    pub(super) fn certificates(&self) -> Result<Vec<PemCertificate>, TlsError> {
        let mut certificates = Vec::new();
        for block in self.blocks()? {
            match Label::of(&block.label) {
                Label::Certificate => {
                    let der = self.decode(&block, "CERTIFICATE")?;
                    if let Some(kind) = DerKind::of(&der)
                        && kind != DerKind::Certificate
                    {
                        return Err(self.mislabelled(&block, kind));
                    }
                    certificates.push(PemCertificate {
                        der: der.into(),
                        line: block.place.line,
                    });
                }
                Label::Key | Label::EncryptedKey | Label::Parameters
                    if self.role == Role::Certificate => {}
                label => return Err(unexpected_block(self.path, self.role, &block, label)),
            }
        }
        if certificates.is_empty() {
            return Err(self.unexpected());
        }
        Ok(certificates)
    }

    /// Returns the private key, of which there is one. A file that also holds
    /// certificates is fine.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let mut keys = Vec::new();
        for block in self.blocks()? {
            match Label::of(&block.label) {
                Label::Key | Label::EncryptedKey => keys.push(block),
                Label::Certificate | Label::Parameters => {}
                label => return Err(unexpected_block(self.path, self.role, &block, label)),
            }
        }
        match &keys[..] {
            [] => Err(self.unexpected()),
            [only] => self.decode_key(only),
            [first, second, ..] => Err(TlsError::SeveralKeys {
                path: self.path.to_owned(),
                first: first.place,
                second: second.place,
            }),
        }
    }

    fn decode_key(&self, block: &Block) -> Result<PrivateKeyDer<'static>, TlsError> {
        let encrypted = || TlsError::EncryptedKey {
            path: self.path.to_owned(),
        };
        if Label::of(&block.label) == Label::EncryptedKey || block.body.starts_with(b"Proc-Type:") {
            return Err(encrypted());
        }
        let der = self.decode(block, &block.label)?;
        // Only the DER shows what it is: the parser of keys says no more than
        // that it does not fit the label.
        match (DerKind::of(&der), block.label.as_str()) {
            (Some(DerKind::EncryptedPkcs8), _) => Err(encrypted()),
            (Some(DerKind::Pkcs8) | None, "PRIVATE KEY") => Ok(PrivateKeyDer::Pkcs8(der.into())),
            (Some(DerKind::Pkcs1) | None, "RSA PRIVATE KEY") => {
                Ok(PrivateKeyDer::Pkcs1(der.into()))
            }
            (Some(DerKind::Sec1) | None, "EC PRIVATE KEY") => Ok(PrivateKeyDer::Sec1(der.into())),
            (Some(kind), _) => Err(self.mislabelled(block, kind)),
            (None, _) => Err(TlsError::UnsupportedKey {
                path: self.path.to_owned(),
            }),
        }
    }

    fn blocks(&self) -> Result<Vec<Block>, TlsError> {
        let blocks = blocks(&self.bytes);
        blocks.map_err(|malformed| TlsError::InvalidPem {
            path: self.path.to_owned(),
            block: malformed.place,
            reason: malformed.reason,
        })
    }

    /// Decodes the base64 of a block, as the parser of rustls does with `label`.
    fn decode(&self, block: &Block, label: &str) -> Result<Vec<u8>, TlsError> {
        let invalid = |reason| TlsError::InvalidPem {
            path: self.path.to_owned(),
            block: block.place,
            reason,
        };
        if block.body.trim_ascii().is_empty() {
            return Err(invalid("there is nothing between BEGIN and END"));
        }
        if block.body.contains(&b'\\') {
            return Err(invalid(
                "it has backslashes, perhaps \\n in place of line breaks",
            ));
        }
        let begin = format!("-----BEGIN {label}-----\n");
        let end = format!("-----END {label}-----\n");
        let text = [begin.as_bytes(), &block.body, end.as_bytes()].concat();
        match <(SectionKind, Vec<u8>)>::from_pem_slice(&text) {
            Ok((_, der)) => Ok(der),
            Err(_) => Err(invalid("the text between BEGIN and END is not base64")),
        }
    }

    fn mislabelled(&self, block: &Block, kind: DerKind) -> TlsError {
        super::unexpected::mislabelled(self.path, block, kind)
    }

    fn unexpected(&self) -> TlsError {
        unexpected_file(self.path, self.role, &self.bytes)
    }
}
