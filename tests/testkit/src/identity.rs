//! [`Identity`]: a certificate and its key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::start_error::StartError;

/// A certificate, followed by those of its issuers, and its key in PKCS#8, which
/// is the only form that the gateway reads; all as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, StartError> {
        Ok(Self {
            certificate: read(certificate)?,
            key: read(key)?,
        })
    }

    /// Returns the settings of a server with this identity.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, StartError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| StartError::new("the certificate is not PEM", error))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.key.as_bytes()).map_err(|error| {
            let what = "the key is not PKCS#8 in PEM (BEGIN PRIVATE KEY); \
                        convert it with `openssl pkcs8 -topk8 -nocrypt`";
            StartError::new(what, error)
        })?;
        // Chosen here, so that a test with another provider is not disturbed.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(chain, key.into())
            })
            .map_err(|error| StartError::new("the certificate cannot be served", error))?;
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path)
        .map_err(|error| StartError::new(format!("cannot read {}", path.display()), error))
}
