//! Clients behind a load balancer that speaks the PROXY protocol.

use std::time::Duration;

use dcv_resolver_server::Server;
use dcv_resolver_test_support::log::Log;
#[cfg(feature = "tls")]
use dcv_resolver_test_support::pki::Ca;
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::{Running, count, start};
#[cfg(feature = "tls")]
use crate::pki::{Files, NAME, TlsClient, server_pair};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 8080 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x07\xc6\x33\x64\x09\x1f\x90\x01\xbb\x04\0\0";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const REQUEST: &[u8] = b"GET /peer HTTP/1.1\r\nhost: server.example\r\n\r\n";

/// Serves clients of a load balancer at 127.0.0.1.
async fn behind_load_balancer(
    configure: impl FnOnce(Server<axum::Router>) -> Server<axum::Router>,
) -> Running {
    start(|server| configure(server.proxy_protocol(|peer| peer.is_loopback()))).await
}

async fn counted(server: &Running, cause: &str) {
    let connections = server.connections.clone();
    eventually(cause, || {
        count(connections.failed_by_cause(), cause) == Some(1)
    })
    .await;
}

#[tokio::test]
async fn address_of_the_client_is_that_of_the_header() {
    let server = behind_load_balancer(|server| server).await;
    for header in [V1, V2] {
        let mut client = server.client().await;
        client.send([header, REQUEST].concat()).await;
        assert_eq!(client.answer().await.body, "192.0.2.7:8080");
        assert_eq!(client.get("/peer").await.body, "192.0.2.7:8080");
    }
    for header in [V2_LOCAL, b"PROXY UNKNOWN\r\n"] {
        let mut client = server.client().await;
        client.send([header, REQUEST].concat()).await;
        let own = client.address().to_string();
        assert_eq!(client.answer().await.body, own);
    }
}

#[tokio::test]
async fn header_in_pieces_is_read_whole() {
    let server = behind_load_balancer(|server| server).await;
    let mut client = server.client().await;
    for piece in [V2, REQUEST].concat().chunks(7) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.body, "192.0.2.7:8080");
}

#[tokio::test]
async fn connection_without_a_valid_header_is_closed_and_logged() {
    for (sent, cause) in [
        (REQUEST, "proxy_header_missing"),
        (
            b"PROXY TCP4 192.0.2.7\r\nGET / HTTP/1.1\r\n\r\n",
            "proxy_header_invalid",
        ),
        (b"PROXY TCP4 192.0.2.7", "proxy_header_timeout"),
        (b"PROXY", "proxy_header_timeout"),
        (b"", "proxy_header_timeout"),
    ] {
        let (log, _guard) = Log::text_of_this_thread(Level::INFO);
        let server =
            behind_load_balancer(|server| server.header_read_timeout(Duration::from_millis(300)))
                .await;
        let mut client = server.client().await;
        client.send(sent).await;
        client.closed().await;
        counted(&server, cause).await;
        let log = log.text();
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(
            log.contains(&format!("cause={cause:?} peer=127.0.0.1:")),
            "{log}"
        );
    }
}

#[tokio::test]
async fn health_check_that_only_connects_is_no_failure_to_warn_of() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = behind_load_balancer(|server| server).await;
    drop(server.client().await);
    counted(&server, "closed_without_request").await;
    assert_eq!(log.text(), "");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn header_from_another_peer_is_refused() {
    let server =
        start(|server| server.proxy_protocol(|peer| peer.to_string() == "127.0.0.2")).await;
    let mut forged = server.client().await;
    forged.send([V1, REQUEST].concat()).await;
    assert_eq!(forged.answer().await.status, 400);
    counted(&server, "proxy_header_unexpected").await;
    let mut direct = server.client().await;
    let own = direct.address().to_string();
    assert_eq!(direct.get("/peer").await.body, own);
    let mut balanced = server.client_from(2).await;
    balanced.send([V1, REQUEST].concat()).await;
    assert_eq!(balanced.answer().await.body, "192.0.2.7:8080");
}

#[tokio::test]
async fn limits_depend_on_the_address_of_the_client() {
    let server = behind_load_balancer(|server| {
        let server = server.allowed_peers(|peer| peer.to_string().starts_with("192.0.2."));
        server.max_answered_refusals(1).max_connections_per_peer(1)
    })
    .await;
    let header = |host: u8| format!("PROXY TCP4 192.0.2.{host} 198.51.100.9 1 2\r\n");
    // Each of these clients may have one connection.
    let mut clients = Vec::new();
    for host in [1, 2, 3] {
        let mut client = server.client().await;
        client.send(header(host)).await;
        clients.push(server.gated(client).await);
    }
    let mut second = server.client().await;
    second.send(header(1)).await;
    second.closed().await;
    let refused = |cause| count(server.connections.refused_by_cause(), cause);
    assert_eq!(refused("too_many_of_peer"), Some(1));

    let mut forbidden = server.client().await;
    forbidden
        .send([b"PROXY TCP4 203.0.113.7 198.51.100.9 1 2\r\n", REQUEST].concat())
        .await;
    let answer = forbidden.answer().await;
    assert_eq!(
        (answer.body.as_str(), answer.is_last()),
        ("203.0.113.7:1", true)
    );
    assert_eq!(refused("not_allowed"), Some(1));
    server.gate.exit.add_permits(3);
    for client in &mut clients {
        assert_eq!(client.answer().await.body, "out");
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn header_comes_before_the_tls_handshake() {
    use dcv_resolver_test_support::client::Client;
    use rustls::pki_types::ServerName;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = behind_load_balancer(|server| server.tls(tls)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(V2).await.unwrap();
    let connector = TlsConnector::from(TlsClient::new(&ca, None).0);
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = Client::over(connector.connect(name, stream).await.unwrap());
    assert_eq!(client.get("/peer").await.body, "192.0.2.7:8080");

    // Where no one may send it.
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    let mut client = server.client().await;
    client.send(V1).await;
    let connections = server.connections.clone();
    eventually("a failure", || {
        count(
            connections.tls_handshakes_failed_by_cause(),
            "proxy_header_unexpected",
        ) == Some(1)
    })
    .await;
}
