//! [`TlsOptions`]: which certificates are trusted and presented.

use std::path::{Path, PathBuf};

/// The certificates that are trusted and presented. The options have the
/// meaning that the keys of the same names have in the gateway's configuration.
///
/// By default the CAs of the system are trusted (`SSL_CERT_FILE` is respected),
/// no client certificate is presented, and TLS 1.2 and 1.3 are offered with the
/// cipher suites that rustls considers safe.
///
/// The files are read when the client is built and again for each connection, so
/// that a certificate can be renewed. Files that cannot be used then are logged
/// once, and the previous ones stay in use.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Configuration
/// File Reference".
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct TlsOptions {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) client: Option<ClientFiles>,
    pub(crate) strict: bool,
    pub(crate) minimum_version: TlsVersion,
}

/// The certificate of a client, followed by those of its issuers, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, `tls12` in the gateway's configuration.
    Tls12,
    /// TLS 1.3, `tls13` in the gateway's configuration.
    Tls13,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            ca_file: None,
            client: None,
            strict: true,
            minimum_version: TlsVersion::Tls12,
        }
    }
}

impl TlsOptions {
    /// Trusts only the CAs in this PEM file: `ca-file` of the gateway.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Presents a certificate to a server that asks for one: `cert-file` and
    /// `cert-key-file` of the gateway. Both files are PEM, and the key is PKCS#8
    /// (`BEGIN PRIVATE KEY`).
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client = Some(ClientFiles {
            certificate: certificate.into(),
            key: key.into(),
        });
        self
    }

    /// Returns the file of the client's private key, so that a program can check
    /// who may read it.
    #[must_use]
    pub fn key_file(&self) -> Option<&Path> {
        self.client.as_ref().map(|files| &*files.key)
    }

    /// Sets whether the server's certificate is verified, which is the default:
    /// `tls-strict` of the gateway.
    ///
    /// Without verification, anyone between client and server can answer in the
    /// server's place. Turn it off only to find out what a gateway would do
    /// that has it off.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets the oldest version that is accepted: `minimum-tls-version` of the
    /// gateway.
    pub fn minimum_version(mut self, version: TlsVersion) -> Self {
        self.minimum_version = version;
        self
    }
}
