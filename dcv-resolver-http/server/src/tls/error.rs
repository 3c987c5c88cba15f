//! [`TlsError`]: why the TLS files cannot be used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use dcv_resolver_core::Timestamp;

use super::pem_block::PemBlock;

/// An error that occurs when the TLS files cannot be used.
///
/// Displays as one sentence that names the file, the problem and the remedy.
/// Neither the sentence nor the `Debug` output contains any part of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A file does not contain what it should.
    #[error("{} {found}; expected {expected}; {remedy}", path.display())]
    UnexpectedContent {
        /// The file.
        path: PathBuf,
        /// What the file should contain, such as `a private key in PEM format`.
        expected: &'static str,
        /// What it is or contains, such as `is a PKCS#12 file`.
        found: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A block of a file does not belong there.
    #[error("{block} of {} is {found}; expected {expected}; {remedy}", path.display())]
    UnexpectedBlock {
        /// The file.
        path: PathBuf,
        /// Where the block is.
        block: PemBlock,
        /// What the block is, such as `a public key`.
        found: &'static str,
        /// What the file should contain.
        expected: &'static str,
        /// What to do.
        remedy: String,
    },
    /// The content of a block is not what its label says.
    #[error("{block} of {} has the wrong label: it contains {found}; {remedy}", path.display())]
    Mislabeled {
        /// The file.
        path: PathBuf,
        /// Where the block is.
        block: PemBlock,
        /// What the block contains, such as `an elliptic-curve key in SEC1`.
        found: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A file is not valid PEM.
    #[error("{block} of {} is not valid PEM: {reason}; copy it again from its source", path.display())]
    InvalidPem {
        /// The file.
        path: PathBuf,
        /// Where the block is.
        block: PemBlock,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file contains more than one private key.
    #[error(
        "{} contains several private keys, {first} and {second}; keep the one of the certificate",
        path.display()
    )]
    SeveralKeys {
        /// The file.
        path: PathBuf,
        /// Where the first key is.
        first: PemBlock,
        /// Where the second key is.
        second: PemBlock,
    },
    /// The key is protected by a password, which a server cannot enter.
    #[error(
        "the private key in {} is encrypted; decrypt it with 'openssl pkey -in ENCRYPTED -out {}'",
        path.display(),
        path.display()
    )]
    EncryptedKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// The algorithm or the size of the key is not supported.
    #[error(
        "the private key in {} is not supported; use RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
        path.display()
    )]
    UnsupportedKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// A certificate cannot be parsed.
    #[error("certificate {number} in {} (line {line}) is invalid: {source}; copy it again from its source, or issue a new one", path.display())]
    InvalidCertificate {
        /// The file of the certificate.
        path: PathBuf,
        /// The position of the certificate in the file, counted from 1.
        number: usize,
        /// The line where it begins, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The key does not match the certificate.
    #[error(
        "the private key in {} does not match the certificate in {}; use the key and the certificate that were issued together",
        key.display(),
        certificate.display()
    )]
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The key matches a certificate that is not the first in its file.
    #[error(
        "the private key in {} matches certificate {number} in {}; put that certificate first, followed by its issuers",
        key.display(),
        certificate.display()
    )]
    WrongOrder {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The position of the certificate that the key matches, counted from 1.
        number: usize,
    },
    /// The certificate that replaces another has expired.
    #[error("the certificate in {} expired at {expired_at}, and it is {now} now; renew it", path.display())]
    Expired {
        /// The file of the certificate.
        path: PathBuf,
        /// When it expired.
        expired_at: Timestamp,
        /// The time of the clock.
        now: Timestamp,
    },
    /// The certificate that replaces another is not valid yet.
    #[error(
        "the certificate in {} is not valid before {valid_from}, and it is {now} now; wait until then, or correct the clock",
        path.display()
    )]
    NotYetValid {
        /// The file of the certificate.
        path: PathBuf,
        /// When it becomes valid.
        valid_from: Timestamp,
        /// The time of the clock.
        now: Timestamp,
    },
    /// A certificate among the client CAs is not that of a CA.
    #[error(
        "certificate {number} in {} (line {line}) is not a CA certificate ({subject}); use the certificate of the CA that issued it",
        path.display()
    )]
    NotACa {
        /// The file of the client CAs.
        path: PathBuf,
        /// The position of the certificate in the file, counted from 1.
        number: usize,
        /// The line where it begins, counted from 1.
        line: usize,
        /// The subject of the certificate.
        subject: String,
    },
    /// The TLS library rejects a file for another reason.
    #[error("cannot serve TLS with {}: {source}", path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// The error of the library.
        source: Box<dyn Error + Send + Sync>,
    },
}
