//! A server on a free port, and the app that it serves.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use dcv_resolver_server::{Connections, Server, ShutdownSummary, listen};
use dcv_resolver_test_support::client::{Client, DEADLINE};
use dcv_resolver_test_support::port::free_port;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Returns the counter of `cause`.
pub(crate) fn count(
    mut counters: impl Iterator<Item = (&'static str, u64)>,
    cause: &str,
) -> Option<u64> {
    counters.find_map(|(name, count)| (name == cause).then_some(count))
}

/// More than the kernel keeps for a client that does not read.
pub(crate) const BIG_BYTES: usize = 32 * 1024 * 1024;

/// Holds requests to `/gated` until the test lets them go.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Has a permit for each request that arrived.
    pub(crate) entered: Arc<Semaphore>,
    /// Takes a permit for each request that may leave.
    pub(crate) exit: Arc<Semaphore>,
}

/// Returns what `slow` returns. Before that, and while its clients wait, `normal`
/// must complete.
pub(crate) async fn while_waiting<T>(
    slow: impl Future<Output = T>,
    normal: impl Future<Output = ()>,
) -> T {
    let mut slow = pin!(slow);
    tokio::select! {
        _ = &mut slow => panic!("others are answered only after the slow clients"),
        () = normal => {}
    }
    slow.await
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Gate,
    pub(crate) connections: Connections,
    stop: oneshot::Sender<()>,
    end_drain: oneshot::Sender<()>,
    task: JoinHandle<ShutdownSummary>,
}

/// Serves the app of the tests with the settings of `configure`.
pub(crate) async fn start(configure: impl FnOnce(Server<Router>) -> Server<Router>) -> Running {
    let gate = Gate {
        entered: Arc::new(Semaphore::new(0)),
        exit: Arc::new(Semaphore::new(0)),
    };
    // Where no one else listens once it ends.
    let address = ([127, 0, 0, 1], free_port()).into();
    let listener = listen(address).unwrap();
    let (stop, stopped) = oneshot::channel();
    let (end_drain, ended_early) = oneshot::channel::<()>();
    let server = configure(Server::new(app(gate.clone())));
    let connections = server.connections();
    let shutdown = async {
        let _dropped = stopped.await;
    };
    let ended_early = async {
        if ended_early.await.is_err() {
            // Dropped, not sent.
            std::future::pending::<()>().await;
        }
    };
    let task = tokio::spawn(server.serve_with_shutdown(listener, shutdown, ended_early));
    Running {
        address,
        gate,
        connections,
        stop,
        end_drain,
        task,
    }
}

fn app(gate: Gate) -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/big", get(|| async { vec![b'x'; BIG_BYTES] }))
        .route("/deaf", post(|| async { "not read" }))
        .route("/echo", post(|body: String| async { body }))
        .route(
            "/gated",
            get(|| async move {
                gate.entered.add_permits(1);
                gate.exit.acquire().await.unwrap().forget();
                "out"
            }),
        )
        .route("/panic", get(panic))
        .route(
            "/peer",
            get(|peer: ConnectInfo<SocketAddr>| async move { peer.0.to_string() }),
        )
}

async fn panic() {
    panic!("on request");
}

impl Running {
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Returns a client from another address of this machine, 127.0.0.`host`.
    #[cfg(target_os = "linux")]
    pub(crate) async fn client_from(&self, host: u8) -> Client {
        Client::connect_from([127, 0, 0, host].into(), self.address).await
    }

    /// Returns a client whose request is in flight until the gate lets it go.
    pub(crate) async fn gated_client(&self) -> Client {
        self.gated(self.client().await).await
    }

    /// Sends a request that is in flight until the gate lets it go.
    pub(crate) async fn gated(&self, mut client: Client) -> Client {
        client
            .send("GET /gated HTTP/1.1\r\nhost: server.example\r\n\r\n")
            .await;
        let entered = timeout(DEADLINE, self.gate.entered.acquire()).await;
        entered.expect("not handled in time").unwrap().forget();
        client
    }

    /// Begins the shutdown. The future waits for its end.
    pub(crate) fn stop(self) -> impl Future<Output = ShutdownSummary> {
        self.drain().1
    }

    /// Begins the shutdown. The sender ends the drain early.
    pub(crate) fn drain(self) -> (oneshot::Sender<()>, impl Future<Output = ShutdownSummary>) {
        self.stop.send(()).unwrap();
        let ended = async {
            let ended = timeout(DEADLINE, self.task).await;
            ended.expect("the server did not end").unwrap()
        };
        (self.end_drain, ended)
    }

    /// Drops the server's future in the middle of everything.
    pub(crate) fn drop_server(self) {
        self.task.abort();
    }
}
