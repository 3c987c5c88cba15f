//! [`TlsError`]: the files for TLS cannot be used.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use dcv_resolver_core::Timestamp;

/// The files for TLS cannot be used.
///
/// Displays as one sentence that names the file, what is wrong with it, and
/// what to do. Nothing of a key is ever part of it, nor of its `Debug` form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{} holds {found}; expected {expected} in PEM form", path.display())]
    NotInFile {
        /// The file.
        path: PathBuf,
        /// What was looked for, such as `a certificate`.
        expected: &'static str,
        /// What is there, such as `a private key`.
        found: &'static str,
    },
    /// A file is not whole PEM.
    #[error("{} is damaged: {mistake}; copy it again from where it was made", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        mistake: &'static str,
    },
    /// The key is protected by a password, and there is nobody to enter one.
    #[error(
        "the key {} is encrypted, and a server cannot enter its password; decrypt it with 'openssl pkey -in ENCRYPTED -out {}'",
        path.display(),
        path.display()
    )]
    EncryptedKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// The key is of a kind that cannot be used.
    #[error(
        "the key {} cannot be used; expected RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
        path.display()
    )]
    UnusableKey {
        /// The file of the key.
        path: PathBuf,
    },
    /// A certificate cannot be parsed.
    #[error("certificate number {number} in {} is damaged: {source}; have it issued anew", path.display())]
    InvalidCertificate {
        /// The file of the certificate.
        path: PathBuf,
        /// Which of the certificates in the file, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Key and certificate are not a pair.
    #[error(
        "the key {} does not belong to the certificate {}; put both there from the same order",
        key.display(),
        certificate.display()
    )]
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The key belongs to a certificate that is not the first in its file.
    #[error(
        "the key {} belongs to certificate number {number} in {}; put that one first, and after it the ones that issued it",
        key.display(),
        certificate.display()
    )]
    WrongOrder {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Which certificate the key belongs to, counted from 1.
        number: usize,
    },
    /// The certificate is past its end.
    #[error("the certificate {} expired at {expired_at}, and it is {now}; renew it", path.display())]
    Expired {
        /// The file of the certificate.
        path: PathBuf,
        /// When it expired.
        expired_at: Timestamp,
        /// What the clock showed.
        now: Timestamp,
    },
    /// The certificate is not to be used yet.
    #[error(
        "the certificate {} is valid from {valid_from} only, and it is {now}; wait until then, or set the clock",
        path.display()
    )]
    NotYetValid {
        /// The file of the certificate.
        path: PathBuf,
        /// From when on it is valid.
        valid_from: Timestamp,
        /// What the clock showed.
        now: Timestamp,
    },
    /// A certificate among those that clients are checked against can issue
    /// none.
    #[error(
        "certificate number {number} in {} is not that of a CA ({subject}); put the certificate there that issued it",
        path.display()
    )]
    NotACa {
        /// The file of the client CA.
        path: PathBuf,
        /// Which of the certificates in the file, counted from 1.
        number: usize,
        /// Whom the certificate is for.
        subject: String,
    },
    /// The TLS library refuses them for a reason of its own.
    #[error("TLS cannot be served with {}: {source}", path.display())]
    Refused {
        /// The file that is the reason.
        path: PathBuf,
        /// What the library says.
        source: Box<dyn Error + Send + Sync>,
    },
}
