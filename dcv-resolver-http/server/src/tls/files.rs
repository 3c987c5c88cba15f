//! [`TlsFiles`]: where the certificate and its key are.

use std::path::{Path, PathBuf};

/// The files that a server uses for TLS, all in PEM format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) client_ca: Option<PathBuf>,
    /// Whether gateways are among the clients.
    pub(super) gateways: bool,
}

impl TlsFiles {
    /// Creates the settings for a server that presents `certificate` and holds
    /// its `key`.
    ///
    /// The certificate file begins with the server's own certificate, followed
    /// by those of its issuers, up to one that clients know. The key is PKCS#8,
    /// PKCS#1 or SEC1 (`BEGIN PRIVATE KEY`, `BEGIN RSA PRIVATE KEY` or `BEGIN
    /// EC PRIVATE KEY`) and not encrypted. Both may be in one file.
    ///
    /// Text between the blocks of a file is skipped, such as what `openssl x509
    /// -text` prints, and so are lines that begin with `#`. Every block counts:
    /// one that is damaged, or does not belong in its file, is an error.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
            gateways: true,
        }
    }

    /// Requires a certificate from every client, issued by one of the CAs in
    /// `client_ca`: mutual TLS.
    ///
    /// Only the key and the name of a CA count, so a CA certificate that has
    /// expired still works. A self-signed certificate admits the one client that
    /// holds its key.
    pub fn client_ca(mut self, client_ca: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(client_ca.into());
        self
    }

    /// Declares that no gateway is among the clients:
    /// [`Tls::warnings`](super::Tls::warnings) leaves out what only gateways may
    /// refuse.
    pub fn no_gateways(mut self) -> Self {
        self.gateways = false;
        self
    }

    /// Returns the paths: certificate, key, and client CA if there is one.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.certificate, &self.key]
            .into_iter()
            .chain(&self.client_ca)
            .map(PathBuf::as_path)
    }
}
