//! Upstreams: our own resolver, and one that sends any answer.

use std::net::SocketAddr;
use std::time::Duration;

use dcv_resolver_core::{Resolver, SessionStore, Transport};
use dcv_resolver_http::ResolveService;
use dcv_resolver_server::{Server, listen};
use dcv_resolver_test_support::scripted;
use dcv_resolver_upstream::{UpstreamConfig, UpstreamStore};
use serde_json::{Value, json};

/// So long that no test depends on the machine.
const PATIENT: Duration = Duration::from_secs(30);

/// Serves the sessions of `store`.
pub(crate) fn start_resolver(store: impl SessionStore) -> SocketAddr {
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let service = ResolveService::builder(Resolver::new(store));
    let server = Server::new(service.time_budget(PATIENT).build());
    tokio::spawn(server.serve(listener, std::future::pending()));
    address
}

/// Answers each request by its transport with a status and a body.
pub(crate) async fn start_scripted(
    answer: impl Fn(Transport) -> (u16, String) + Send + 'static,
) -> SocketAddr {
    scripted::serve(move |head| {
        let is_quic = head.contains("transport=QUIC");
        let transport = if is_quic {
            Transport::Quic
        } else {
            Transport::Http
        };
        let (status, body) = answer(transport);
        scripted::response(status, "application/json", &body)
    })
    .await
}

/// Returns a valid answer.
pub(crate) fn destination(transport: Transport, port: u16) -> Value {
    json!({
        "SessionId": "console",
        "TransportProtocol": transport,
        "DcvServerEndpoint": "ws-17.dcv.example",
        "Port": port,
        "WebUrlPath": "/desktop",
    })
}

/// Returns a store that asks the resolver at `address`.
pub(crate) fn store(address: SocketAddr) -> UpstreamStore {
    let config = format!("http://{address}")
        .parse::<UpstreamConfig>()
        .unwrap();
    let config = config.connect_timeout(PATIENT).response_timeout(PATIENT);
    UpstreamStore::new(config).unwrap()
}
