//! What a server says about its connections while it serves.

use std::time::{Duration, Instant};

use axum::Router;
use dcv_resolver_server::{Server, from_std};

use crate::client::{Client, DEADLINE};
use crate::fixture::start;

/// Waits until `is_so`.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open_and_after() {
    let server = start(|server| server).await;
    let connections = server.connections.clone();
    assert_eq!((connections.open(), connections.accepted_total()), (0, 0));

    let mut clients = [server.client().await, server.client().await];
    for client in &mut clients {
        assert_eq!(client.get("/").await.status, 200);
    }
    assert_eq!((connections.open(), connections.accepted_total()), (2, 2));

    drop(clients);
    eventually("none is open", || connections.open() == 0).await;
    assert_eq!(connections.accepted_total(), 2);
    assert_eq!(connections.tls_handshakes_failed_total(), 0);
}

#[tokio::test]
async fn what_is_cut_at_the_end_is_counted_too() {
    let server = start(|server| server.shutdown_grace(Duration::ZERO)).await;
    let connections = server.connections.clone();
    let _stuck = [server.gated_client().await, server.gated_client().await];
    assert_eq!(connections.cut_total(), 0);
    assert_eq!(server.stop().await.connections_cut, 2);
    assert_eq!(connections.cut_total(), 2);
    eventually("none is open", || connections.open() == 0).await;
}

#[tokio::test]
async fn a_panic_leaves_no_connection_in_the_count() {
    let server = start(|server| server).await;
    let mut client = server.client().await;
    client
        .send("GET /panic HTTP/1.1\r\nhost: server.example\r\n\r\n")
        .await;
    client.closed().await;
    let connections = server.connections.clone();
    eventually("none is open", || connections.open() == 0).await;
}

#[tokio::test]
async fn a_listener_of_the_standard_library_will_do() {
    // It is in the state that a service manager hands over: blocking.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = from_std(listener).unwrap();
    let server = Server::new(Router::new());
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    // Blocked in `accept`, the only thread would not get here again.
    assert_eq!(Client::connect(address).await.get("/").await.status, 404);
    serving.abort();
}
