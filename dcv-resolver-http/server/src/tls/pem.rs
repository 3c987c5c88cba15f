//! [`PemFile`]: reads certificates and keys from PEM.

use std::path::Path;

use dcv_resolver_file_watch::Content;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// The content of a file, and its path for errors.
pub(super) struct PemFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> PemFile<'a> {
    pub(super) fn new(path: &'a Path, content: Content) -> Result<Self, TlsError> {
        let bytes = content.map_err(|source| TlsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path, bytes })
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns all certificates, of which there is at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| self.invalid_pem(&error))?;
        if certificates.is_empty() {
            return Err(self.unexpected("a certificate"));
        }
        Ok(certificates)
    }

    /// Returns the first private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        if self.has("BEGIN ENCRYPTED PRIVATE KEY") || self.has("Proc-Type: 4,ENCRYPTED") {
            return Err(TlsError::EncryptedKey {
                path: self.path.to_owned(),
            });
        }
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            Error::NoItemsFound => self.unexpected("a private key"),
            error => self.invalid_pem(&error),
        })
    }

    fn has(&self, text: &str) -> bool {
        self.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    fn unexpected(&self, expected: &'static str) -> TlsError {
        let found = if self.bytes.iter().all(u8::is_ascii_whitespace) {
            "nothing"
        } else if self.has("PRIVATE KEY-----") {
            "a private key"
        } else if self.has("BEGIN CERTIFICATE REQUEST") || self.has("BEGIN NEW CERTIFICATE REQUEST")
        {
            "a certificate request, not the certificate that a CA issues for it"
        } else if self.has("BEGIN TRUSTED CERTIFICATE") {
            "an OpenSSL trusted certificate"
        } else if self.has("BEGIN CERTIFICATE") {
            "a certificate"
        } else if self.has("BEGIN PUBLIC KEY") {
            "a public key"
        } else if self.bytes.first() == Some(&DER_SEQUENCE) {
            "binary data, perhaps DER"
        } else {
            "something else"
        };
        if found == expected {
            return TlsError::InvalidPem {
                path: self.path.to_owned(),
                reason: "its line breaks are missing, or there is text in front of a BEGIN",
            };
        }
        TlsError::UnexpectedContent {
            path: self.path.to_owned(),
            expected,
            found,
        }
    }

    /// Describes the error without quoting it: the parser quotes the invalid
    /// line, which may be a key without line breaks.
    fn invalid_pem(&self, error: &Error) -> TlsError {
        TlsError::InvalidPem {
            path: self.path.to_owned(),
            reason: match error {
                Error::MissingSectionEnd { .. } => "a section has no END line",
                Error::IllegalSectionStart { .. } => "a BEGIN line does not end with five dashes",
                Error::Base64Decode(_) => "the text between BEGIN and END is not base64",
                _ => "it cannot be parsed",
            },
        }
    }
}

/// The first byte of every certificate and key in DER.
const DER_SEQUENCE: u8 = 0x30;
