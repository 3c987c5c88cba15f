//! The TLS files of a server, and a TLS client.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use dcv_resolver_core::{Clock, SystemClock};
use dcv_resolver_server::tls::{Tls, TlsError, TlsFiles};
use dcv_resolver_test_support::client::{Client, DEADLINE};
use dcv_resolver_test_support::pki::rcgen::ExtendedKeyUsagePurpose;
use dcv_resolver_test_support::pki::{Ca, Pair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name that the server's certificate is for.
pub(crate) const NAME: &str = "resolver.example";
/// Issues a certificate for the server.
pub(crate) fn server_pair(ca: &Ca) -> Pair {
    ca.issue(&[NAME], |_| {})
}

/// Issues a certificate for a client.
pub(crate) fn client_pair(ca: &Ca) -> Pair {
    ca.issue(&["gateway.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    })
}

/// The files of a server.
pub(crate) struct Files {
    folder: TempDir,
    has_client_ca: bool,
}

impl Files {
    pub(crate) fn new(pair: &Pair) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            has_client_ca: false,
        };
        files.write_pair(pair);
        files
    }

    pub(crate) fn with_client_ca(pair: &Pair, client_ca: &str) -> Self {
        let files = Self {
            has_client_ca: true,
            ..Self::new(pair)
        };
        files.write("client-ca.pem", client_ca);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn write_pair(&self, pair: &Pair) {
        self.write("cert.pem", &pair.certificate);
        self.write("key.pem", &pair.key);
    }

    pub(crate) fn load(&self) -> Tls {
        self.try_load(SystemClock).unwrap()
    }

    pub(crate) fn try_load(&self, clock: impl Clock) -> Result<Tls, TlsError> {
        let mut files = TlsFiles::new(self.path("cert.pem"), self.path("key.pem"));
        if self.has_client_ca {
            files = files.client_ca(self.path("client-ca.pem"));
        }
        Tls::load_with_clock(files, clock)
    }
}

/// A TLS client that trusts `ca`, and presents `pair` if there is one.
#[derive(Clone)]
pub(crate) struct TlsClient(pub(crate) Arc<ClientConfig>);

impl TlsClient {
    pub(crate) fn new(ca: &Ca, pair: Option<&Pair>) -> Self {
        Self::with_versions(rustls::ALL_VERSIONS, ca, pair)
    }

    pub(crate) fn with_versions(
        versions: &[&'static rustls::SupportedProtocolVersion],
        ca: &Ca,
        pair: Option<&Pair>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap())
            .unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match pair {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
                    .collect::<Result<_, _>>()
                    .unwrap();
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }

    /// Connects, or returns the failure as the client sees it. Under TLS 1.3 the
    /// client is connected before the server checks its certificate: a refusal
    /// shows in the first read.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<Client<TlsStream<TcpStream>>> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            let name = ServerName::try_from(NAME).unwrap();
            TlsConnector::from(Arc::clone(&self.0))
                .connect(name, stream)
                .await
        };
        let stream = timeout(DEADLINE, connect).await;
        Ok(Client::over(stream.expect("no handshake in time")?))
    }

    /// Returns the status of one request on a connection of its own.
    pub(crate) async fn try_get(&self, address: SocketAddr) -> std::io::Result<u16> {
        let mut client = self.connect(address).await?;
        Ok(client.try_get("/").await?.status)
    }
}
