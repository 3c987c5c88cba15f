//! [`TlsFileError`]: why a certificate or a key cannot be used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// An error that occurs when a certificate or a key cannot be used.
///
/// Displays as one sentence that names the file, the problem and the remedy.
/// Neither the sentence nor the `Debug` output contains any part of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFileError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file has no certificate in PEM.
    #[error("{} {found}; expected a certificate in PEM format{remedy}", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What it contains instead, such as `is empty`.
        found: &'static str,
        /// What to do, after a separator.
        remedy: String,
    },
    /// Only some of the certificates of a file can be read.
    #[error(
        "{} has {begun} lines that begin a certificate, but only {read} certificates can be read; copy it again from its source, in which each begins with BEGIN CERTIFICATE",
        path.display()
    )]
    DamagedCertificate {
        /// The file.
        path: PathBuf,
        /// How many certificates begin.
        begun: usize,
        /// How many can be read.
        read: usize,
    },
    /// A certificate of a CA is invalid.
    #[error("certificate {number} in {} is invalid: {source}; copy it again from its source", path.display())]
    InvalidCertificate {
        /// The file.
        path: PathBuf,
        /// The position of the certificate in the file, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file has no private key in PEM.
    #[error("{} {found}; expected a private key in PEM format{remedy}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it contains instead, such as `is empty`.
        found: &'static str,
        /// What to do, after a separator.
        remedy: String,
    },
    /// The key is not PKCS#8, which is the only form that a gateway accepts.
    #[error(
        "the private key in {} is in {found} format, but a gateway accepts only PKCS#8; convert it with 'openssl pkcs8 -topk8 -nocrypt -in {} -out NEW'",
        path.display(),
        path.display()
    )]
    KeyNotPkcs8 {
        /// The file.
        path: PathBuf,
        /// The format of the key: `PKCS#1` or `SEC1`.
        found: &'static str,
    },
    /// The key is protected by a password.
    #[error(
        "the private key in {} is encrypted; decrypt it with 'openssl pkey -in {} -out NEW'",
        path.display(),
        path.display()
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key and the certificate were not issued together.
    #[error(
        "the private key in {} does not match the certificate in {}; use the key and the certificate that were issued together, that certificate first in its file",
        key.display(),
        certificate.display()
    )]
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate or the key of a client is not supported.
    #[error("cannot use the certificate in {} with the key in {}: {source}", certificate.display(), key.display())]
    Rejected {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The error of the TLS library.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No CA is configured, and the system has none.
    #[error(
        "this system has no certificates of CAs; install the package ca-certificates, or name the file of a CA"
    )]
    NoSystemCas,
}
