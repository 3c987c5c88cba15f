//! An HTTP/1.1 server that is safe to expose: it limits everything that a
//! client can hold.
//!
//! `axum::serve` keeps a connection open for as long as the client likes, even
//! if the client sends nothing, or one byte now and then. [`Server`] serves any
//! [`tower::Service`], such as an [`axum::Router`] or the `ResolveService` of
//! `dcv-resolver-http`, and limits each of these:
//!
//! | what the client does | what the server does |
//! |---|---|
//! | starts a TLS handshake and does not finish it | closes after [`header_read_timeout`](Server::header_read_timeout) |
//! | connects and sends nothing, or sends the head of a request byte by byte | closes after [`header_read_timeout`](Server::header_read_timeout) |
//! | keeps a connection open between requests | closes after [`idle_timeout`](Server::idle_timeout) |
//! | does not read a response | closes after [`write_timeout`](Server::write_timeout) |
//! | sends a head that is [too long](Server::max_header_bytes), or has [too many header fields](Server::max_headers) | responds with 431 and closes |
//! | opens more than [`max_connections`](Server::max_connections) | closes the longest idle connection for each new one |
//! | opens more than [`max_connections_per_peer`](Server::max_connections_per_peer) | closes its longest idle connection, or the new one |
//! | connects from an address that is not [allowed](Server::allowed_peers) | closes before TLS |
//!
//! The service itself must limit the body of a request and the time in flight;
//! `dcv_resolver_http::router` limits both. If the service does not read a body
//! to its end, the connection is closed after the response.
//!
//! ```no_run
//! use axum::Router;
//! use axum::routing::get;
//! use dcv_resolver_server::{Server, listen};
//!
//! # async fn run() -> std::io::Result<()> {
//! let app = Router::new().route("/", get(|| async { "hello" }));
//! let listener = listen(([127, 0, 0, 1], 9000).into())?;
//! let shutdown = async {
//!     // Or SIGTERM, or whatever ends your service.
//!     let _ = tokio::signal::ctrl_c().await;
//! };
//! let summary = Server::new(app).serve(listener, shutdown).await;
//! println!("connections aborted: {}", summary.connections_aborted);
//! # Ok(())
//! # }
//! ```
//!
//! # Connections without an answer
//!
//! Every connection that the service does not answer is counted by
//! [`Connections`], with its cause. At WARN, the log has the first one of each
//! cause and peer within a minute, and how many more followed. At DEBUG, it has
//! each one. The two harmless causes, `closed_without_request` and
//! `no_request`, are logged only at DEBUG. The sentence in the log says what to
//! do.
//!
//! | stage | causes |
//! |---|---|
//! | admission | `not_allowed`, `too_many_of_peer` |
//! | TLS handshake | `not_tls`, `proxy_header_unexpected`, `no_client_certificate`, `unknown_ca`, `certificate_expired`, `certificate_not_yet_valid`, `certificate_purpose`, `bad_certificate`, `server_certificate_rejected`, `protocol_version`, `no_common_cipher_suite`, `no_http1`, `aborted`, `timeout`, `closed`, `connection_lost`, `other` |
//! | HTTP | `tls_on_plain_http`, `http2`, `proxy_header_unexpected`, `proxy_header_missing`, `proxy_header_invalid`, `proxy_header_timeout`, `malformed_head`, `head_too_large`, `head_timeout`, `no_request`, `closed_without_request`, `incomplete_request`, `write_timeout`, `connection_lost`, `service_error`, `panicked` |
//!
//! # Features
//!
//! `tls` adds the module `tls`: TLS 1.2 and 1.3, with certificates that are
//! replaced while the server runs. No feature is enabled by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acceptor;
mod activity;
mod admission;
mod client_stream;
mod connection;
mod connections;
mod failure;
mod failure_log;
mod first_bytes;
#[cfg(feature = "tls")]
mod handshake_failure;
mod head_timer;
mod http_failure;
mod last_response;
mod limits;
mod listen;
mod listener;
mod peer;
mod peer_filter;
mod places;
mod proxy_header;
mod room_signal;
mod server;
mod serving;
mod shutdown_summary;
mod stream;
#[cfg(feature = "tls")]
pub mod tls;

/// The version of axum whose [`ConnectInfo`](axum::extract::ConnectInfo) each request
/// carries.
pub use axum;
pub use connections::Connections;
/// The body of the requests that a service is called with.
pub use hyper::body::Incoming;
pub use listen::{from_std, listen};
pub use listener::Listener;
pub use server::Server;
pub use shutdown_summary::ShutdownSummary;
/// The version of tower whose [`Service`](tower::Service) a [`Server`] serves.
pub use tower;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Connections>();
    is_shared::<Listener>();
    is_shared::<Server<()>>();
    #[cfg(feature = "tls")]
    is_shared::<tls::Tls>();
    #[cfg(feature = "tls")]
    is_shared::<tls::TlsError>();
};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
