//! A server that is safe to expose: it waits for nobody without an end.
//!
//! `axum::serve` keeps a connection for as long as the client likes, even one
//! that sends nothing, or a byte now and then. [`Server`] serves any
//! [`tower::Service`], such as an [`axum::Router`], over HTTP/1.1, with a bound
//! on everything a client can hold:
//!
//! | what a client does | how it ends |
//! |---|---|
//! | begins a TLS handshake and does not end it | closed after [`header_read_timeout`](Server::header_read_timeout) |
//! | connects and sends nothing, or its request's head byte by byte | closed after [`header_read_timeout`](Server::header_read_timeout) |
//! | keeps a connection open between requests | closed after [`idle_timeout`](Server::idle_timeout) |
//! | does not read its answers | closed after [`write_timeout`](Server::write_timeout) |
//! | sends a head that is too long, or too many header fields | 431, then closed |
//! | opens more than [`max_connections`](Server::max_connections) | waits until one of them is closed |
//!
//! What a handler does with the request's body, and for how long, is bounded by
//! the app; `dcv_resolver_http::router` bounds both. A body that was not read to
//! its end closes the connection after the answer.
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::get;
//! use dcv_resolver_server::{self as server, Server};
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
mod connections;
#[cfg(feature = "tls")]
mod handshake;
mod head_timer;
mod serving;
#[cfg(feature = "tls")]
pub mod tls;
mod watched_stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpSocket};

use tower::Service;

use accept::Acceptor;
use serving::Serving;

pub use connections::Connections;

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

/// A listener of the standard library as one of tokio's: what a service manager
/// has handed to the process, perhaps.
///
/// Tokio's own `TcpListener::from_std` demands that it has been made
/// non-blocking before, and a server over one that was not would hang.
///
/// # Errors
///
/// What the operating system says.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Serves a [`tower::Service`] over HTTP/1.1; see [the crate](crate).
///
/// Each request has the client's address among its extensions, as
/// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo). Connections are not
/// upgraded to other protocols (no HTTP/2, no WebSocket).
#[derive(Debug, Clone)]
#[must_use = "a server does nothing until it serves"]
pub struct Server<S> {
    service: S,
    limits: Limits,
    max_connections: usize,
    drain: Duration,
    shutdown_grace: Duration,
    connections: Connections,
    #[cfg(feature = "tls")]
    tls: Option<tls::Tls>,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
pub struct ShutdownSummary {
    /// The connections that were still busy when the grace was over, and were
    /// cut.
    pub connections_cut: usize,
}

impl<S> Server<S> {
    /// Creates a server of `service` with the default limits.
    pub fn new(service: S) -> Self {
        Self {
            service,
            limits: Limits {
                header_read_timeout: Duration::from_secs(5),
                idle_timeout: Duration::from_secs(75),
                write_timeout: Duration::from_secs(30),
                max_header_bytes: 16 * 1024,
                max_headers: None,
            },
            max_connections: 4096,
            drain: Duration::ZERO,
            shutdown_grace: Duration::from_secs(10),
            connections: Connections::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// How long a client may take to send the head of a request: request line
    /// and header fields. 5 s by default.
    ///
    /// For the first request of a connection it counts from the moment the
    /// connection is accepted or its TLS handshake done, for later ones from
    /// the first byte that arrives after the previous answer. A client that is
    /// too slow gets no answer.
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

    /// How long requests in flight may go on when nothing more is accepted.
    /// 10 s by default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }

    /// How long to go on after the shutdown began, as if nothing had happened
    /// but for one thing: each answer says `connection: close`. Zero by
    /// default.
    ///
    /// A client that keeps a connection open learns of a shutdown only when it
    /// is closed, and that may be just when its next request is on the way. The
    /// drain tells it with an answer, so that it goes elsewhere and loses
    /// nothing. What looks at readiness needs the same time to send nobody here
    /// any more: let readiness fail when the drain begins, and drain for longer
    /// than it takes to be noticed. By its end nobody should come any more: a
    /// connection that is made in the very moment in which the listener is
    /// closed is reset by the kernel.
    ///
    /// When the drain is over, the [grace](Self::shutdown_grace) begins. Who
    /// has connected during the drain has an answer even if the request comes
    /// only then; a silent client is waited for no longer than
    /// [`header_read_timeout`](Self::header_read_timeout).
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Speaks TLS on every connection, with what `tls` holds when the
    /// connection is accepted.
    ///
    /// Handshakes are done by the connections' own tasks, so that none holds up
    /// another. One may take as long as a request's head, which has its own
    /// time after it; see [`header_read_timeout`](Self::header_read_timeout).
    /// Each that fails is told at DEBUG with its reason, and once a minute at
    /// WARN.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: tls::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What can be asked about the connections while the server serves, for
    /// metrics. Clones of a server count together.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    /// Serves the connections of `listener` until `shutdown` completes.
    ///
    /// Then the server drains, if [`drain`](Self::drain) says so. After that,
    /// at once, nothing more is accepted, `listener` is closed, and so are the
    /// connections that wait for their next request. Requests in flight are
    /// answered, with `connection: close`. It returns when the last of them is,
    /// or when the grace is over: what is left then is cut and counted.
    ///
    /// Any `listener` will do, one that was handed to the process too; see
    /// [`listen`] for what is different about one from `TcpListener::bind`, and
    /// [`from_std`] for one from the standard library.
    ///
    /// Neither a failing `accept` nor a panic in a handler ends the server.
    /// Dropping the future closes everything at once.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> ShutdownSummary {
        self.serve_with_shutdown(listener, shutdown, std::future::pending())
            .await
    }

    /// [Serves](Self::serve), and once `hurry` completes drains no longer.
    ///
    /// `hurry` is not polled before the drain begins, so that it may wait for
    /// the same signal once more:
    ///
    /// ```no_run
    /// # use dcv_resolver_server::Server;
    /// # async fn run(server: Server<axum::Router>, listener: tokio::net::TcpListener) {
    /// let signal = async || {
    ///     let _ = tokio::signal::ctrl_c().await;
    /// };
    /// server.serve_with_shutdown(listener, signal(), signal()).await;
    /// # }
    /// ```
    pub async fn serve_with_shutdown(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> ShutdownSummary {
        let (drain, grace) = (self.drain, self.shutdown_grace);
        let mut acceptor = Acceptor::new(listener);
        let mut serving = Serving::new(self);
        serving.accept_until(&mut acceptor, shutdown).await;
        if drain.is_zero() {
            drop(acceptor);
        } else {
            serving.drain();
            let drained = async {
                let _hurried = tokio::time::timeout(drain, hurry).await;
            };
            serving.accept_until(&mut acceptor, drained).await;
            serving.accept_waiting(acceptor);
        }
        serving.end(grace).await
    }
}
