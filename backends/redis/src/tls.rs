//! [`Tls`]: which certificates are trusted and presented.

use std::fmt;
use std::path::{Path, PathBuf};

use dcv_resolver_core::StoreErrorKind;
use redis::{Client, ClientTlsConfig, ConnectionAddr, TlsCertificates};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::failure::Failure;
use crate::secret_file;
use crate::topology::Node;

/// Configures TLS: the system's authorities are trusted unless others are given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    pub(crate) authorities: Option<Pem>,
    pub(crate) client: Option<Identity>,
}

/// The certificate that is presented to a server that asks for one.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Pem,
    pub(crate) key: Pem,
}

/// Certificates or a key in PEM form. `Debug` prints only the path.
#[derive(Clone)]
pub(crate) enum Pem {
    Text(Vec<u8>),
    /// Read for each connection, so that a certificate can be renewed.
    File(PathBuf),
}

/// The certificates, read and parsed.
#[derive(Clone)]
pub(crate) struct LoadedTls(Option<TlsCertificates>);

impl Tls {
    /// Reads the files.
    pub(crate) async fn load(&self) -> Result<LoadedTls, Failure> {
        let authorities = match &self.authorities {
            Some(pem) => Some(pem.load("ca_file").await?),
            None => None,
        };
        let client = match &self.client {
            Some(Identity { certificate, key }) => Some((
                certificate.load("certificate_file").await?,
                key.load("key_file").await?,
            )),
            None => None,
        };
        LoadedTls::new(authorities, client)
    }
}

impl Pem {
    /// Returns the file that holds it.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Text(_) => None,
            Self::File(path) => Some(path),
        }
    }

    async fn load(&self, setting: &'static str) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Text(pem) => Ok(pem.clone()),
            Self::File(path) => secret_file::read(setting, path).await,
        }
    }
}

impl LoadedTls {
    /// Parses certificates and key, so that an invalid one is found before it is
    /// used.
    pub(crate) fn new(
        authorities: Option<Vec<u8>>,
        client: Option<(Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, Failure> {
        if let Some(pem) = &authorities {
            check_certificates("the certificate authorities", pem)?;
        }
        if let Some((certificate, _)) = &client {
            check_certificates("the client certificate", certificate)?;
        }
        let is_default = authorities.is_none() && client.is_none();
        let loaded = Self((!is_default).then(|| TlsCertificates {
            client_tls: client.map(|(client_cert, client_key)| ClientTlsConfig {
                client_cert,
                client_key,
            }),
            root_cert: authorities,
        }));
        let any_node = Node {
            host: "localhost".to_owned(),
            port: 1,
        };
        loaded.address(&any_node)?;
        Ok(loaded)
    }

    pub(crate) fn certificates(&self) -> Option<&TlsCertificates> {
        self.0.as_ref()
    }

    pub(crate) fn address(&self, node: &Node) -> Result<ConnectionAddr, Failure> {
        let address = ConnectionAddr::TcpTls {
            host: node.host.clone(),
            port: node.port,
            insecure: false,
            tls_params: None,
        };
        match &self.0 {
            None => Ok(address),
            Some(certificates) => {
                let client =
                    Client::build_with_tls(address, certificates.clone()).map_err(|error| {
                        Failure::of(&error, []).with_kind(StoreErrorKind::InvalidConfig)
                    })?;
                Ok(client.get_connection_info().addr().clone())
            }
        }
    }
}

/// Checks that every certificate can be read: the parser skips what it does not
/// recognize, such as BEGIN TRUSTED CERTIFICATE, or a bundle whose files were joined
/// without a line end.
fn check_certificates(what: &str, pem: &[u8]) -> Result<(), Failure> {
    let labels = pem.split(|byte| *byte == b'-');
    let begun = labels.filter(|it| it.starts_with(b"BEGIN ") && it.ends_with(b"CERTIFICATE"));
    let begun = begun.count();
    let invalid = |problem| Err(Failure::new(StoreErrorKind::InvalidConfig, problem));
    if begun == 0 {
        return invalid(format!(
            "{what} must be in PEM form, but there is no BEGIN CERTIFICATE line"
        ));
    }
    let read = CertificateDer::pem_slice_iter(pem).filter(Result::is_ok);
    let read = read.count();
    if read < begun {
        return invalid(format!(
            "{what} cannot be read in full: only {read} of {begun} certificates are in PEM form and begin with BEGIN CERTIFICATE"
        ));
    }
    Ok(())
}

/// Installs `ring` as the cryptography provider of rustls if there is none.
///
/// The driver uses the default provider of the process, and panics without one.
pub(crate) fn ensure_crypto_provider() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread has installed one first.
        let _ = ring::default_provider().install_default();
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
