//! Peers that are not allowed, and peers with many connections.

#![cfg(target_os = "linux")]

use std::net::{IpAddr, Ipv4Addr};
#[cfg(feature = "tls")]
use std::time::Duration;

use dcv_resolver_test_support::log::Log;
#[cfg(feature = "tls")]
use dcv_resolver_test_support::pki::Ca;
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::{count, start};
#[cfg(feature = "tls")]
use crate::pki::{Files, TlsClient, server_pair};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: server.example\r\n\r\n";

/// Allows 127.0.0.2 alone.
fn second_host(peer: IpAddr) -> bool {
    peer == Ipv4Addr::new(127, 0, 0, 2)
}

#[tokio::test]
async fn peer_that_is_not_allowed_takes_no_place() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server.max_connections(2).allowed_peers(second_host)).await;
    let mut allowed = server.client_from(2).await;
    for _ in 0..20 {
        let mut forbidden = server.client().await;
        forbidden.send(REQUEST).await;
        forbidden.closed().await;
        assert_eq!(allowed.get("/").await.status, 200);
    }
    let connections = &server.connections;
    assert_eq!(
        count(connections.refused_by_cause(), "not_allowed"),
        Some(20)
    );
    assert_eq!((connections.open(), connections.accepted_total()), (1, 21));
    let log = log.text();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("WARN"), "{log}");
    assert!(
        log.contains("connection refused: the peer's address is not allowed"),
        "{log}"
    );
    assert!(
        log.contains(r#"cause="not_allowed" peer=127.0.0.1:"#),
        "{log}"
    );
}

#[tokio::test]
async fn refused_peer_gets_one_answer_in_a_place_of_its_own() {
    let server = start(|server| {
        let server = server.max_connections(1).allowed_peers(second_host);
        server.max_answered_refusals(2)
    })
    .await;
    for _ in 0..3 {
        let mut refused = server.client().await;
        refused.send([REQUEST, REQUEST].concat()).await;
        let answer = refused.answer().await;
        assert_eq!((answer.status, answer.is_last()), (200, true));
        refused.closed().await;
    }
    let mut silent = [server.client().await, server.client().await];
    let mut third = server.client().await;
    third.closed().await;
    let mut allowed = server.client_from(2).await;
    assert!(!allowed.get("/").await.is_last());
    for client in &mut silent {
        assert_eq!(client.get("/").await.status, 200);
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn peer_that_is_not_allowed_is_closed_before_tls() {
    let tls = Files::new(&server_pair(&Ca::new("a CA"))).load();
    let server = start(|server| {
        let server = server
            .tls(tls)
            .header_read_timeout(Duration::from_secs(600));
        server.allowed_peers(second_host).max_answered_refusals(2)
    })
    .await;
    let mut refused = server.client().await;
    refused.closed().await;
    let client = TlsClient::new(&Ca::new("a CA"), None);
    client.try_get(server.address).await.unwrap_err();
    let connections = &server.connections;
    assert_eq!(
        count(connections.refused_by_cause(), "not_allowed"),
        Some(2)
    );
    assert_eq!(connections.tls_handshakes_failed_total(), 0);
}

#[tokio::test]
async fn peer_at_its_limit_loses_its_longest_idle_connection() {
    let server = start(|server| server.max_connections_per_peer(2)).await;
    let mut other = server.client_from(2).await;
    assert_eq!(other.get("/").await.status, 200);
    let mut first = server.client().await;
    let mut second = server.client().await;
    for client in [&mut second, &mut first] {
        assert_eq!(client.get("/").await.status, 200);
    }
    assert_eq!(server.client().await.get("/").await.status, 200);
    second.closed().await;
    assert_eq!(first.get("/").await.status, 200);
    assert_eq!(other.get("/").await.status, 200);
    assert_eq!(server.connections.evicted_total(), 1);
}

#[tokio::test]
async fn busy_peer_at_its_limit_is_refused_and_others_are_not() {
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    // The default for a peer is half.
    let server = start(|server| server.max_connections(4)).await;
    let mut busy = [server.gated_client().await, server.gated_client().await];
    for _ in 0..10 {
        server.client().await.closed().await;
    }
    let other = server.client_from(2).await;
    let mut other = [server.gated(other).await, server.client_from(2).await];
    assert_eq!(other[1].get("/").await.status, 200);
    let refused = count(server.connections.refused_by_cause(), "too_many_of_peer");
    assert_eq!(refused, Some(10));
    server.gate.exit.add_permits(3);
    for client in busy.iter_mut().chain(&mut other[..1]) {
        assert_eq!(client.answer().await.body, "out");
    }
    drop(busy);
    let connections = server.connections.clone();
    eventually("room for the peer", || connections.open() == 2).await;
    assert_eq!(server.client().await.get("/").await.status, 200);
    let log = log.text();
    assert_eq!(log.matches("connection refused").count(), 1, "{log}");
}
