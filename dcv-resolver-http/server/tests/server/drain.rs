//! A shutdown that sends clients elsewhere before it closes their connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::connections::eventually;
use crate::fixture::start;
use crate::shutdown::refused;

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_drain_answers_as_before_and_ends_each_connection_with_its_answer() {
    let server = start(|server| server.drain(LONG)).await;
    let (address, gate) = (server.address, server.gate.clone());
    let mut kept_alive = server.client().await;
    assert!(!kept_alive.get("/").await.is_last());
    let mut in_flight = server.gated_client().await;

    let (hurry, ended) = server.drain();
    // One that connects now is told to go as well.
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

    hurry.send(()).unwrap();
    assert_eq!(ended.await.connections_cut, 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_drain_lasts_as_long_as_it_is_told() {
    let drain = Duration::from_millis(300);
    let server = start(|server| server.drain(drain)).await;
    let begun = Instant::now();
    assert_eq!(server.stop().await.connections_cut, 0);
    assert!(begun.elapsed() >= drain);
}

#[tokio::test]
async fn without_a_drain_nothing_is_hurried() {
    let server = start(|server| server).await;
    let mut client = server.gated_client().await;
    let gate = server.gate.clone();
    let (hurry, ended) = server.drain();
    let _not_polled = hurry.send(());
    gate.exit.add_permits(1);
    assert_eq!(client.answer().await.body, "out");
    assert_eq!(ended.await.connections_cut, 0);
}

#[tokio::test]
async fn the_end_of_a_drain_closes_who_never_asked_and_waits_for_who_has_just_come() {
    let server = start(|server| server.drain(LONG)).await;
    let address = server.address;
    let mut silent = server.client().await;
    assert_eq!(silent.get("/").await.status, 200);

    let (hurry, ended) = server.drain();
    let mut probe = Client::connect(address).await;
    assert!(probe.get("/").await.is_last(), "the drain has not begun");
    let mut new = Client::connect(address).await;
    hurry.send(()).unwrap();
    silent.closed().await;
    // Nobody listens any more, and still it has its answer.
    refused(address).await;
    let answer = new.get("/").await;
    assert_eq!((answer.status, answer.is_last()), (200, true));
    new.closed().await;
    assert_eq!(ended.await.connections_cut, 0);
}

#[tokio::test]
async fn who_comes_during_a_drain_and_says_nothing_is_not_waited_for_for_long() {
    let server = start(|server| {
        server
            .drain(LONG)
            .shutdown_grace(LONG)
            .header_read_timeout(Duration::from_millis(500))
    })
    .await;
    let address = server.address;
    let (hurry, ended) = server.drain();
    let mut probe = Client::connect(address).await;
    assert!(probe.get("/").await.is_last(), "the drain has not begun");
    let mut silent = Client::connect(address).await;
    hurry.send(()).unwrap();
    silent.closed().await;
    assert_eq!(ended.await.connections_cut, 0);
}

/// Where the clients of a test are sent.
struct Directions {
    address: SocketAddr,
    /// Whether nobody is sent there any more. Read while somebody connects.
    is_closed: RwLock<bool>,
    answered: AtomicU64,
    /// Answers that ended their connection.
    last: AtomicU64,
    /// Clients that have had one of these.
    told: AtomicU64,
}

impl Directions {
    async fn connect(&self) -> Option<Client> {
        let is_closed = self.is_closed.read().await;
        if *is_closed {
            return None;
        }
        Some(Client::connect(self.address).await)
    }

    /// Sends one request after the other, on a new connection when the server
    /// ends one. The number of those that were not answered.
    async fn follow(self: Arc<Self>) -> u64 {
        let mut lost = 0;
        let mut is_told = false;
        while let Some(mut client) = self.connect().await {
            loop {
                let Ok(answer) = client.try_get("/").await else {
                    lost += 1;
                    break;
                };
                self.answered.fetch_add(1, Ordering::Relaxed);
                if answer.is_last() {
                    self.last.fetch_add(1, Ordering::Relaxed);
                    if !std::mem::replace(&mut is_told, true) {
                        self.told.fetch_add(1, Ordering::Relaxed);
                    }
                    break;
                }
            }
        }
        lost
    }
}

/// How many times the test below begins anew.
fn rounds() -> u32 {
    std::env::var("DCV_RESOLVER_TEST_DRAINS").map_or(20, |rounds| rounds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_drain_no_client_loses_a_request() {
    const CLIENTS: u64 = 32;
    for round in 0..rounds() {
        let server = start(|server| server.drain(LONG)).await;
        let directions = Arc::new(Directions {
            address: server.address,
            is_closed: RwLock::new(false),
            answered: AtomicU64::new(0),
            last: AtomicU64::new(0),
            told: AtomicU64::new(0),
        });
        let clients: JoinSet<u64> = (0..CLIENTS)
            .map(|_| Arc::clone(&directions).follow())
            .collect();
        eventually("busy clients", || {
            directions.answered.load(Ordering::Relaxed) > 500
        })
        .await;

        let (hurry, ended) = server.drain();
        // A client that asks nothing for the whole of a drain is not told.
        eventually("clients that are told, and come again and again", || {
            directions.told.load(Ordering::Relaxed) == CLIENTS
                && directions.last.load(Ordering::Relaxed) > 500
        })
        .await;
        // As a load balancer does when it has seen that readiness fails: a
        // connection that is made at the very moment in which a listener is
        // closed has no side to be on.
        *directions.is_closed.write().await = true;
        hurry.send(()).unwrap();

        let lost: u64 = clients.join_all().await.into_iter().sum();
        assert_eq!(lost, 0, "round {round}");
        assert_eq!(ended.await.connections_cut, 0, "round {round}");
    }
}
