//! How the server ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dcv_resolver_test_support::client::DEADLINE;
use tokio::net::TcpStream;

use crate::connections::eventually;
use crate::fixture::start;

/// Waits until `address` refuses connections.
pub(crate) async fn refused(address: SocketAddr) {
    let begun = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < DEADLINE, "{address} still accepts");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn request_in_flight_at_shutdown_is_answered_and_no_connection_accepted() {
    let server = start(|server| server).await;
    let (address, gate) = (server.address, server.gate.clone());
    let mut client = server.gated_client().await;

    let ended = server.stop();
    refused(address).await;
    assert!(!client.is_readable_within(Duration::from_millis(100)).await);

    gate.exit.add_permits(1);
    let answer = client.answer().await;
    assert_eq!(answer.body, "out");
    assert!(
        answer.head.contains("connection: close\r\n"),
        "{}",
        answer.head
    );
    client.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

#[tokio::test]
async fn idle_connections_at_shutdown_are_closed_at_once() {
    let server = start(|server| server.shutdown_grace(Duration::from_secs(600))).await;
    let mut fresh = server.client().await;
    let mut kept_alive = server.client().await;
    assert_eq!(kept_alive.get("/").await.status, 200);

    let ended = server.stop();
    fresh.closed().await;
    kept_alive.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unread_request_at_shutdown_is_answered() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/").await.status, 200);

    // Nothing is awaited from here to the end of `stop`, so that on this one
    // thread the server cannot read in between.
    client.send_now(b"GET / HTTP/1.1\r\nhost: server.example\r\n\r\n");
    let begun = Instant::now();
    while !has_unread_bytes(server.address.port(), client.address().port()) {
        assert!(begun.elapsed() < DEADLINE, "the request does not arrive");
    }
    let ended = server.stop();
    assert_eq!(client.answer().await.status, 200);
    client.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

/// Returns whether the kernel holds bytes that came from port `from` to port
/// `to` of this machine and are unread.
#[cfg(target_os = "linux")]
pub(crate) fn has_unread_bytes(to: u16, from: u16) -> bool {
    !queues(to, from).ends_with(":00000000")
}

/// Returns whether the kernel holds bytes that are still on their way from port
/// `from` to port `to` of this machine.
#[cfg(all(target_os = "linux", feature = "tls"))]
pub(crate) fn has_undelivered_bytes(to: u16, from: u16) -> bool {
    !queues(from, to).starts_with("00000000:")
}

/// Returns how many bytes wait at the `local` end of a connection, to be sent
/// and to be read.
#[cfg(target_os = "linux")]
fn queues(local: u16, remote: u16) -> String {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let is_port = |address: &str, port: u16| address.ends_with(&format!(":{port:04X}"));
    sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|fields| is_port(fields[1], local) && is_port(fields[2], remote))
        .expect("no such connection")[4]
        .to_owned()
}

#[tokio::test]
async fn incomplete_head_at_shutdown_may_be_completed() {
    let server = start(|server| server).await;
    let address = server.address;
    let mut client = server.client().await;
    client.send("GET / HTTP/1.1\r\nhost: ser").await;
    // Accepted after it, so that the piece has been read.
    let mut later = server.client().await;
    assert_eq!(later.get("/").await.status, 200);

    let ended = server.stop();
    refused(address).await;
    client.send("ver.example\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    client.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

#[tokio::test]
async fn busy_connections_after_grace_are_cut_and_counted() {
    let grace = Duration::from_millis(500);
    let server = start(|server| server.shutdown_grace(grace)).await;
    let (gate, connections) = (server.gate.clone(), server.connections.clone());
    let mut lucky = server.gated_client().await;
    let mut stuck = [server.gated_client().await, server.gated_client().await];

    let begun = Instant::now();
    let ended = server.stop();
    // The gate lets the first one out.
    gate.exit.add_permits(1);
    assert_eq!(lucky.answer().await.body, "out");
    assert_eq!(ended.await.connections_aborted, 2);
    assert!(begun.elapsed() >= grace);
    assert_eq!(connections.aborted_total(), 2);
    for client in &mut stuck {
        client.closed().await;
    }
    eventually("none is open", || connections.open() == 0).await;
}

#[tokio::test]
async fn shutdown_without_connections_ends_at_once() {
    let server = start(|server| server.shutdown_grace(Duration::from_secs(600))).await;
    assert_eq!(server.stop().await.connections_aborted, 0);
}

#[tokio::test]
async fn dropped_server_closes_listener_and_connections() {
    let server = start(|server| server).await;
    let address = server.address;
    let mut client = server.gated_client().await;
    server.drop_server();
    client.closed().await;
    refused(address).await;
}
