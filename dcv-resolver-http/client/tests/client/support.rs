//! Resolvers to ask: our own, and one that sends any bytes.

use std::net::SocketAddr;

use dcv_resolver_client::{HttpClient, ResolverClient};
use dcv_resolver_core::testing::session;
use dcv_resolver_core::{
    Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord, Timestamp, Transport,
};
use dcv_resolver_http::router;
use dcv_resolver_server::tls::{Tls, TlsFiles};
use dcv_resolver_server::{Server, listen};
use dcv_resolver_test_support::pki::Pair;
use dcv_resolver_test_support::scripted::serve;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Starts our own resolver, with the session `console` for HTTP at 192.0.2.7:8443
/// and `expired`, which has expired.
pub(crate) fn start_resolver(tls: Option<Tls>) -> SocketAddr {
    let expired = session("expired").with_expiry(Expiry::At(Timestamp::from_unix_ms(0)));
    let console = SessionRecord::builder(
        "console".parse().unwrap(),
        "192.0.2.7".parse().unwrap(),
        Expiry::Never,
    );
    let console = console.http_port(8443).build().unwrap();
    let resolver = Resolver::new(MemoryStore::from_iter([console, expired]));
    let mut server = Server::new(router(resolver));
    if let Some(tls) = tls {
        server = server.tls(tls);
    }
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.serve(listener, std::future::pending()));
    address
}

/// Files of a test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Returns the TLS settings of a server that presents `pair`.
    pub(crate) fn server(&self, pair: &Pair, client_ca: Option<&str>) -> Tls {
        let certificate = self.write("server.pem", &pair.certificate);
        let mut files = TlsFiles::new(certificate, self.write("server.key", &pair.key));
        if let Some(pem) = client_ca {
            files = files.client_ca(self.write("client-ca.pem", pem));
        }
        Tls::load(files).unwrap()
    }
}

/// Sends `response` to each request. Returns the heads of the requests too.
pub(crate) async fn start_scripted(
    response: impl Into<Vec<u8>>,
) -> (SocketAddr, UnboundedReceiver<String>) {
    let response = response.into();
    let (heads, received) = unbounded_channel();
    let address = serve(move |head| {
        // The test may have ended.
        let _ = heads.send(head.to_owned());
        response.clone()
    });
    (address.await, received)
}

/// Returns a client of the resolver at `address`, without TLS.
pub(crate) fn plain(address: SocketAddr) -> ResolverClient {
    let http = HttpClient::builder(format!("http://{address}").parse().unwrap());
    ResolverClient::new(http.build().unwrap())
}

pub(crate) fn request(id: &str, transport: Transport) -> ResolveRequest {
    ResolveRequest::new(id.parse().unwrap(), transport)
}

pub(crate) fn http(id: &str) -> ResolveRequest {
    request(id, Transport::Http)
}
