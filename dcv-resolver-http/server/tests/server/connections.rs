//! The counters of connections, and inherited listeners.

use std::time::{Duration, Instant};

use axum::Router;
use dcv_resolver_server::{Server, from_std};
use dcv_resolver_test_support::client::{Client, DEADLINE};

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
async fn open_and_accepted_connections_are_counted() {
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
async fn blocking_std_listener_is_converted() {
    // It is blocking, as a service manager passes it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = from_std(listener).unwrap();
    let server = Server::new(Router::new());
    let serving = tokio::spawn(server.serve(listener, std::future::pending()));
    // Blocked in `accept`, the only thread would not get here again.
    assert_eq!(Client::connect(address).await.get("/").await.status, 404);
    serving.abort();
}
