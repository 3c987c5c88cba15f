//! [`Tls`]: which certificates are trusted and presented.

use redis::{Client, ClientTlsConfig, ConnectionAddr, RedisResult, TlsCertificates};
use rustls::crypto::{CryptoProvider, ring};

use crate::topology::Node;

/// Configures TLS: the system's authorities are trusted unless others are given.
/// `Debug` prints no certificate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls(Option<TlsCertificates>);

impl Tls {
    pub(crate) fn certificates(&self) -> Option<&TlsCertificates> {
        self.0.as_ref()
    }

    /// Trusts these authorities instead of the system's.
    pub(crate) fn set_authorities(&mut self, pem: Vec<u8>) -> RedisResult<()> {
        self.set(|certificates| certificates.root_cert = Some(pem))
    }

    /// Presents this certificate to a server that asks for one.
    pub(crate) fn set_client(
        &mut self,
        certificate_pem: Vec<u8>,
        key_pem: Vec<u8>,
    ) -> RedisResult<()> {
        self.set(|certificates| {
            certificates.client_tls = Some(ClientTlsConfig {
                client_cert: certificate_pem,
                client_key: key_pem,
            });
        })
    }

    fn set(&mut self, change: impl FnOnce(&mut TlsCertificates)) -> RedisResult<()> {
        let none = TlsCertificates {
            client_tls: None,
            root_cert: None,
        };
        change(self.0.get_or_insert(none));
        // Parses them, so that an invalid one is found now and not at the first use.
        let any_node = Node {
            host: "localhost".to_owned(),
            port: 1,
        };
        self.address(&any_node).map(drop)
    }

    pub(crate) fn address(&self, node: &Node) -> RedisResult<ConnectionAddr> {
        let address = ConnectionAddr::TcpTls {
            host: node.host.clone(),
            port: node.port,
            insecure: false,
            tls_params: None,
        };
        match &self.0 {
            None => Ok(address),
            Some(certificates) => {
                let client = Client::build_with_tls(address, certificates.clone())?;
                Ok(client.get_connection_info().addr().clone())
            }
        }
    }
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
