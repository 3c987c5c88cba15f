//! A shutdown that drains before it closes connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dcv_resolver_test_support::client::Client;
use tokio::net::TcpStream;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::connections::eventually;
use crate::fixture::start;
use crate::shutdown::refused;

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn responses_during_drain_close_their_connections() {
    let server = start(|server| server.drain(LONG)).await;
    let (address, gate) = (server.address, server.gate.clone());
    let mut kept_alive = server.client().await;
    assert!(!kept_alive.get("/").await.is_last());
    let mut in_flight = server.gated_client().await;

    let (end_drain, ended) = server.drain();
    // A client that connects now gets the same.
    let mut new = Client::connect(address).await;
    let answer = new.get("/").await;
    assert_eq!((answer.status, answer.is_last()), (200, true));
    assert_eq!(answer.head.matches("connection:").count(), 1);
    new.closed().await;

    let answer = kept_alive.get("/").await;
    assert_eq!((answer.status, answer.is_last()), (200, true));
    kept_alive.closed().await;

    gate.exit.add_permits(1);
    let answer = in_flight.answer().await;
    assert_eq!((answer.body.as_str(), answer.is_last()), ("out", true));
    in_flight.closed().await;

    end_drain.send(()).unwrap();
    assert_eq!(ended.await.connections_aborted, 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn drain_lasts_for_its_duration() {
    let drain = Duration::from_millis(300);
    let server = start(|server| server.drain(drain)).await;
    let begun = Instant::now();
    assert_eq!(server.stop().await.connections_aborted, 0);
    assert!(begun.elapsed() >= drain);
}

#[tokio::test]
async fn end_drain_without_drain_changes_nothing() {
    let server = start(|server| server).await;
    let mut client = server.gated_client().await;
    let gate = server.gate.clone();
    let (end_drain, ended) = server.drain();
    let _not_polled = end_drain.send(());
    gate.exit.add_permits(1);
    assert_eq!(client.answer().await.body, "out");
    assert_eq!(ended.await.connections_aborted, 0);
}

#[tokio::test]
async fn end_of_drain_closes_idle_connections_and_waits_for_new_ones() {
    let server = start(|server| server.drain(LONG)).await;
    let address = server.address;
    let mut silent = server.client().await;
    assert_eq!(silent.get("/").await.status, 200);

    let (end_drain, ended) = server.drain();
    let mut probe = Client::connect(address).await;
    assert!(probe.get("/").await.is_last(), "the drain has not begun");
    let mut new = Client::connect(address).await;
    end_drain.send(()).unwrap();
    silent.closed().await;
    // The listener is closed, and the client still gets its response.
    refused(address).await;
    let answer = new.get("/").await;
    assert_eq!((answer.status, answer.is_last()), (200, true));
    new.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

#[tokio::test]
async fn silent_client_after_drain_is_closed_after_header_read_timeout() {
    let server = start(|server| {
        server
            .drain(LONG)
            .shutdown_grace(LONG)
            .header_read_timeout(Duration::from_millis(500))
    })
    .await;
    let address = server.address;
    let (end_drain, ended) = server.drain();
    let mut probe = Client::connect(address).await;
    assert!(probe.get("/").await.is_last(), "the drain has not begun");
    let mut silent = Client::connect(address).await;
    end_drain.send(()).unwrap();
    silent.closed().await;
    assert_eq!(ended.await.connections_aborted, 0);
}

/// Where a load balancer sends the clients of a test.
struct LoadBalancer {
    address: SocketAddr,
    /// Whether no client is sent there any more. Read-locked while one connects.
    is_closed: RwLock<bool>,
    answered: AtomicU64,
    /// Responses that closed their connection.
    last: AtomicU64,
    /// Clients that got one of these.
    redirected: AtomicU64,
}

impl LoadBalancer {
    async fn connect(&self) -> Option<Client> {
        let is_closed = self.is_closed.read().await;
        if *is_closed {
            return None;
        }
        Some(Client::connect(self.address).await)
    }

    /// Sends one request after the other, on a new connection when the server
    /// closes one. Returns how many were not answered.
    async fn follow(self: Arc<Self>) -> u64 {
        let mut lost = 0;
        let mut is_redirected = false;
        while let Some(mut client) = self.connect().await {
            loop {
                let Ok(answer) = client.try_get("/").await else {
                    lost += 1;
                    break;
                };
                self.answered.fetch_add(1, Ordering::Relaxed);
                if answer.is_last() {
                    self.last.fetch_add(1, Ordering::Relaxed);
                    if !std::mem::replace(&mut is_redirected, true) {
                        self.redirected.fetch_add(1, Ordering::Relaxed);
                    }
                    break;
                }
            }
        }
        lost
    }
}

/// Returns how many times the test below is repeated.
fn rounds() -> u32 {
    std::env::var("DCV_RESOLVER_TEST_DRAINS").map_or(20, |rounds| rounds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_loses_no_request() {
    const CLIENTS: u64 = 32;
    for round in 0..rounds() {
        let server = start(|server| server.drain(LONG)).await;
        let balancer = Arc::new(LoadBalancer {
            address: server.address,
            is_closed: RwLock::new(false),
            answered: AtomicU64::new(0),
            last: AtomicU64::new(0),
            redirected: AtomicU64::new(0),
        });
        let clients: JoinSet<u64> = (0..CLIENTS)
            .map(|_| Arc::clone(&balancer).follow())
            .collect();
        eventually("busy clients", || {
            balancer.answered.load(Ordering::Relaxed) > 500
        })
        .await;

        let (end_drain, ended) = server.drain();
        // A client that sends nothing during the whole drain learns nothing.
        eventually(
            "each client has a last response, and connects again",
            || {
                balancer.redirected.load(Ordering::Relaxed) == CLIENTS
                    && balancer.last.load(Ordering::Relaxed) > 500
            },
        )
        .await;
        // As a load balancer does after readiness fails: the kernel may reset
        // a connection that is made at the moment the listener is closed.
        *balancer.is_closed.write().await = true;
        end_drain.send(()).unwrap();

        let lost: u64 = clients.join_all().await.into_iter().sum();
        assert_eq!(lost, 0, "round {round}");
        assert_eq!(ended.await.connections_aborted, 0, "round {round}");
    }
}
