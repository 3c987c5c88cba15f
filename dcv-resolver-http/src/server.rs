//! A server that is safe to expose: it waits for nobody without an end.
//!
//! `axum::serve` keeps a connection for as long as the client likes, also one
//! that sends nothing or a byte now and then. [`Server`] serves any
//! [`axum::Router`] over HTTP/1.1 with a bound on everything a client can hold:
//!
//! | what a client does | how it ends |
//! |---|---|
//! | connects and sends nothing, or its request's head byte by byte | closed after [`header_read_timeout`](Server::header_read_timeout) |
//! | keeps a connection open between requests | closed after [`idle_timeout`](Server::idle_timeout) |
//! | does not read its answers | closed after [`write_timeout`](Server::write_timeout) |
//! | sends a head that is too long, or too many header fields | 431, then closed |
//! | opens more than [`max_connections`](Server::max_connections) | waits until one of them is closed |
//!
//! What a handler does with the request's body, and for how long, is bounded by
//! the app; [`router`](crate::router) bounds both. A body that was not read to
//! its end closes the connection after the answer.
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::get;
//! use dcv_resolver_http::server::{self, Server};
//!
//! # async fn run() -> std::io::Result<()> {
//! let app = Router::new().route("/", get(|| async { "hello" }));
//! let listener = server::listen(([127, 0, 0, 1], 9000).into())?;
//!
//! let shutdown = async {
//!     // Or SIGTERM, or whatever ends your service.
//!     let _ = tokio::signal::ctrl_c().await;
//! };
//! let ended = Server::new(app).serve(listener, shutdown).await;
//! println!("connections cut: {}", ended.connections_cut);
//! # Ok(())
//! # }
//! ```

mod accept;
mod connection;
mod head_timer;
mod seldom;
mod watched_stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use accept::Acceptor;
use connection::Connection;
use seldom::Seldom;

/// Listens on `address`, with room for 1,024 connections that wait to be
/// accepted.
///
/// `TcpListener::bind` has room for 128. When more come in one moment, the
/// kernel drops handshakes that the client takes for done.
///
/// # Errors
///
/// What the operating system says, such as
/// [`AddrInUse`](std::io::ErrorKind::AddrInUse).
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As `TcpListener::bind` does: a restart need not wait for old connections.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// Serves a [`Router`] over HTTP/1.1; see [the module](self).
///
/// Handlers can take the client's address as
/// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo). Connections are not
/// handed over to other protocols (no HTTP/2, no WebSocket).
#[derive(Debug, Clone)]
#[must_use = "a server does nothing until it serves"]
pub struct Server {
    app: Router,
    limits: Limits,
    max_connections: usize,
    shutdown_grace: Duration,
}

/// What one connection may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    header_read_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    max_header_bytes: usize,
    /// `None` is hyper's own 100, which needs no allocation for each request.
    max_headers: Option<usize>,
}

/// How a [`Server`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// The connections that were still busy when the grace was over, and were
    /// cut.
    pub connections_cut: usize,
}

impl Server {
    /// A server of `app` with the default limits.
    pub fn new(app: Router) -> Self {
        Self {
            app,
            limits: Limits {
                header_read_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(75),
                write_timeout: Duration::from_secs(30),
                max_header_bytes: 16 * 1024,
                max_headers: None,
            },
            max_connections: 4096,
            shutdown_grace: Duration::from_secs(10),
        }
    }

    /// How long a client may take to send the head of a request: request line
    /// and header fields. 5 s by default.
    ///
    /// For the first request of a connection it counts from the moment the
    /// connection is accepted, for later ones from the first byte that arrives
    /// after the previous answer. A client that is too slow gets no answer.
    pub fn header_read_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_read_timeout = timeout;
        self
    }

    /// How long a connection is kept after an answer while nothing arrives.
    /// 75 s by default.
    ///
    /// Longer than the client's own limit is good: then it is the client that
    /// closes, and a request never meets a connection that is just being
    /// closed.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.limits.idle_timeout = timeout;
        self
    }

    /// How long a client may read nothing while an answer waits for it. 30 s
    /// by default.
    ///
    /// It starts when the kernel's send buffer is full, and anew whenever the
    /// client makes room there.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout;
        self
    }

    /// The longest head of a request: request line and header fields. 16 KiB
    /// by default. What is longer is answered with 431 and closed.
    ///
    /// This is nearly all the memory that a client can claim by sending: up to
    /// this much is buffered for a connection, and 8 KiB at the least.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_header_bytes = bytes;
        self
    }

    /// The most header fields of a request. 100 by default. More are answered
    /// with 431 and closed.
    ///
    /// Room for another number than 100 is allocated for each request. More
    /// than 24,576 are never accepted.
    pub fn max_headers(mut self, count: usize) -> Self {
        self.limits.max_headers = (count != 100).then_some(count.min(24_576));
        self
    }

    /// The most connections open at once. 4,096 by default, and 1 at the least.
    ///
    /// A gateway takes 1,000 TCP and 1,000 QUIC connections unless told
    /// otherwise, and asks once for each: the default has room for two gateways
    /// whose clients all return in the same moment, in less than 100 MB.
    ///
    /// At the limit nothing is accepted until a connection is closed; what
    /// arrives meanwhile waits in the kernel's backlog. To refuse instead would
    /// turn a burst into errors that users see. A client that sends nothing
    /// holds its place no longer than
    /// [`header_read_timeout`](Self::header_read_timeout).
    ///
    /// Each connection needs a file descriptor. Where the process may open
    /// fewer files, the server waits in the same way, and says so in a warning.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.max_connections = count.max(1);
        self
    }

    /// How long requests in flight may go on after the shutdown began. 10 s by
    /// default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// Serves the connections of `listener` until `shutdown` completes.
    ///
    /// Then, at once, nothing more is accepted, `listener` is closed, and so
    /// are the connections that wait for their next request. Requests in
    /// flight are answered, with `connection: close`. It returns when the last
    /// of them is, or when the grace is over: what is left then is cut and
    /// counted.
    ///
    /// Any `listener` will do, one that was handed to the process too; see
    /// [`listen`] for what is different about one from `TcpListener::bind`.
    ///
    /// Neither a failing `accept` nor a panic in a handler ends the server.
    /// Dropping the future closes everything at once.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Ended {
        let mut shutdown = pin!(shutdown);
        let mut acceptor = Acceptor::new(listener);
        let mut connections = JoinSet::new();
        let mut at_limit = Seldom::default();
        let (stop, stopped) = watch::channel(());
        // Otherwise each connection would turn every route into a service anew.
        let app = self.app.with_state(());

        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => report_panic(ended),
                (stream, peer) = acceptor.accept(), if connections.len() < self.max_connections => {
                    let connection = Connection { stream, peer, limits: self.limits };
                    connections.spawn(connection.serve(app.clone(), stopped.clone()));
                    if connections.len() == self.max_connections && at_limit.is_due() {
                        tracing::warn!(
                            max_connections = self.max_connections,
                            "as many connections are open as allowed; new ones wait until one is closed",
                        );
                    }
                }
            }
        }

        drop(acceptor);
        // Lets the runtime see what the kernel already holds: a request that
        // has arrived is in flight, though nobody has read it yet.
        tokio::task::yield_now().await;
        drop(stop);
        let all_ended = async {
            while let Some(ended) = connections.join_next().await {
                report_panic(ended);
            }
        };
        // What is left is counted below, and cut when the set is dropped.
        let _in_time = tokio::time::timeout(self.shutdown_grace, all_ended).await;
        Ended {
            connections_cut: connections.len(),
        }
    }
}

/// The panic ended its own connection; here it only leaves a trace.
fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a handler panicked; its connection was closed");
    }
}
