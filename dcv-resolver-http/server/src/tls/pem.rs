//! [`PemFile`]: certificates and keys, out of the text that holds them.

use std::path::Path;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use super::watched_files::Content;

/// A file that was read.
pub(super) struct PemFile<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> PemFile<'a> {
    pub(super) fn new(path: &'a Path, content: Option<Content>) -> Result<Self, TlsError> {
        let bytes = content.transpose().map_err(|source| TlsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path,
            bytes: bytes.unwrap_or_default(),
        })
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// All certificates, one at the least.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| self.not_pem(&error))?;
        if certificates.is_empty() {
            return Err(self.not_in_file("a certificate"));
        }
        Ok(certificates)
    }

    /// The first private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        if self.has("BEGIN ENCRYPTED PRIVATE KEY") || self.has("Proc-Type: 4,ENCRYPTED") {
            return Err(TlsError::EncryptedKey {
                path: self.path.to_owned(),
            });
        }
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            Error::NoItemsFound => self.not_in_file("a private key"),
            error => self.not_pem(&error),
        })
    }

    fn has(&self, text: &str) -> bool {
        self.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    fn not_in_file(&self, expected: &'static str) -> TlsError {
        let found = if self.bytes.iter().all(u8::is_ascii_whitespace) {
            "nothing"
        } else if self.has("PRIVATE KEY-----") {
            "a private key"
        } else if self.has("BEGIN CERTIFICATE REQUEST") || self.has("BEGIN NEW CERTIFICATE REQUEST")
        {
            "a certificate request, which a CA has yet to answer"
        } else if self.has("BEGIN TRUSTED CERTIFICATE") {
            "a certificate in OpenSSL's own form"
        } else if self.has("BEGIN CERTIFICATE") {
            "a certificate"
        } else if self.has("BEGIN PUBLIC KEY") {
            "a public key"
        } else if self.bytes.first() == Some(&DER_SEQUENCE) {
            "binary data, perhaps in DER form"
        } else {
            "something else"
        };
        if found == expected {
            return TlsError::NotPem {
                path: self.path.to_owned(),
                mistake: "it has lost its line breaks, or has text in front of a BEGIN",
            };
        }
        TlsError::NotInFile {
            path: self.path.to_owned(),
            expected,
            found,
        }
    }

    /// The parser's own error is left behind: it quotes the line that it
    /// stumbled over, and that may be a key which lost its line breaks.
    fn not_pem(&self, error: &Error) -> TlsError {
        TlsError::NotPem {
            path: self.path.to_owned(),
            mistake: match error {
                Error::MissingSectionEnd { .. } => "a section has no END line",
                Error::IllegalSectionStart { .. } => "a BEGIN line does not end with five dashes",
                Error::Base64Decode(_) => "what is between BEGIN and END is not base64",
                _ => "it is not PEM",
            },
        }
    }
}

/// What each certificate and each key begins with in DER form.
const DER_SEQUENCE: u8 = 0x30;
