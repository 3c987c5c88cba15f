//! What happens when three times as much is asked as the store can answer.
//!
//! ```console
//! $ cargo bench -p dcv-resolver-tests --bench overload
//! ```
//!
//! The store answers 1,600 lookups a second and not one more. Requests come at
//! a fixed rate, whether or not earlier ones are answered, as they do from a
//! fleet of gateways. Printed for each rate: what was answered with 200, with
//! 503 and not at all, how long it took, and how the memory grew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark panics on the first failure, and shows what it measured"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    Expiry, MemoryStore, Resolver, SessionId, SessionRecord, SessionStore, StoreError, async_trait,
};
use dcv_resolver_http::ResolveService;
use dcv_resolver_test_support::client::Client;
use dcv_resolver_tests::server;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, Semaphore};

const STORE_CONNECTIONS: usize = 16;
const LOOKUP: Duration = Duration::from_millis(10);
const CAPACITY_PER_S: u64 = 1_600;
/// Twice what the store works on at a time: enough to keep it busy.
const MAX_IN_FLIGHT: usize = 2 * STORE_CONNECTIONS;
/// Longer than the time budget: a request that waits so long gets no answer.
const PATIENCE: Duration = Duration::from_secs(5);
const NO_ANSWER: u16 = 0;
const PHASE: Duration = Duration::from_secs(10);

/// A store behind a pool of connections, each busy for 10 ms a lookup.
#[derive(Debug)]
struct Pooled {
    sessions: MemoryStore,
    connections: Semaphore,
}

#[async_trait]
impl SessionStore for Pooled {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let _connection = self.connections.acquire().await.unwrap();
        tokio::time::sleep(LOOKUP).await;
        self.sessions.lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn app(max_in_flight: usize) -> axum::Router {
    let record = SessionRecord::builder(
        "console".parse().unwrap(),
        "192.0.2.17".parse().unwrap(),
        Expiry::Never,
    );
    let store = Pooled {
        sessions: MemoryStore::from_iter([record.http_port(8443).build().unwrap()]),
        connections: Semaphore::new(STORE_CONNECTIONS),
    };
    ResolveService::builder(Resolver::new(store))
        .max_in_flight(max_in_flight)
        .router()
}

/// The answers of one phase: status and time.
type Answers = Vec<(u16, Duration)>;

/// Connections that wait for their next request.
type Idle = Arc<Mutex<Vec<Client>>>;

async fn ask(address: SocketAddr, idle: Idle) -> (u16, Duration) {
    let asking = async {
        let taken = idle.lock().await.pop();
        let mut connection = match taken {
            Some(connection) => connection,
            None => Client::connect(address).await,
        };
        let answer = connection.post("/resolveSession?sessionId=console").await;
        (connection, answer.status)
    };
    let sent = Instant::now();
    let Ok((connection, status)) = tokio::time::timeout(PATIENCE, asking).await else {
        return (NO_ANSWER, sent.elapsed());
    };
    let took = sent.elapsed();
    idle.lock().await.push(connection);
    (status, took)
}

/// Sends `per_s` requests a second, answered or not.
async fn phase(address: SocketAddr, idle: &Idle, per_s: u64) -> Answers {
    const TICK: Duration = Duration::from_millis(5);

    let mut asked = tokio::task::JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    let started = Instant::now();
    let mut sent: u64 = 0;
    while started.elapsed() < PHASE {
        ticks.tick().await;
        let due = per_s * u64::try_from(started.elapsed().as_micros()).unwrap() / 1_000_000;
        while sent < due {
            asked.spawn(ask(address, Arc::clone(idle)));
            sent += 1;
        }
    }
    asked.join_all().await
}

fn at(sorted: &[Duration], percent: usize) -> String {
    let position = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    let time = sorted.get(position);
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.1}", time.as_secs_f64() * 1_000.0),
    )
}

fn print(load: &str, limit: &str, per_s: u64, answers: &Answers, grown_kb: i64) {
    let times = |status: u16| {
        let mut times: Vec<_> = answers
            .iter()
            .filter(|answer| answer.0 == status)
            .map(|answer| answer.1)
            .collect();
        times.sort();
        times
    };
    let (found, shed) = (times(200), times(503));
    let goodput = found.len() as u64 / PHASE.as_secs();
    let unanswered = answers.len() - found.len() - shed.len();
    println!(
        "{load:<6} {limit:<9} {per_s:>7} {goodput:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {unanswered:>10} {grown_kb:>8}",
        at(&found, 50),
        at(&found, 99),
        shed.len() as u64 / PHASE.as_secs(),
        at(&shed, 50),
        at(&shed, 99),
    );
}

/// The memory of this process, server and clients together.
fn resident_kb() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// A server on a thread of its own, so that the clients do not delay it.
fn serve(app: axum::Router) -> SocketAddr {
    let (started, address) = mpsc::channel();
    thread::spawn(move || {
        single_thread().block_on(async {
            let server = server::start_app(app);
            started.send(server.address).unwrap();
            std::future::pending::<()>().await;
        });
    });
    address.recv().unwrap()
}

fn single_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn main() {
    // `cargo test` runs benchmarks too, to see that they compile.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!(
        "                         200s                       503s                     \n\
         load   in flight   asked/s        /s   p50 ms   p99 ms       /s   p50 ms   p99 ms unanswered  +rss kB"
    );
    for (limit, name) in [(MAX_IN_FLIGHT, "<= 32"), (1_000_000, "unlimited")] {
        let address = serve(app(limit));
        single_thread().block_on(async {
            let idle = Idle::default();
            for (load, factor) in [("0.9 x", 9), ("3 x", 30)] {
                let before_kb = resident_kb();
                let per_s = CAPACITY_PER_S * factor / 10;
                let answers = phase(address, &idle, per_s).await;
                print(load, name, per_s, &answers, resident_kb() - before_kb);
            }
        });
    }
}
