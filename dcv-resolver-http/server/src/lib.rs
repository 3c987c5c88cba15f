//! An HTTP/1.1 server that is safe to expose: everything that a client can hold
//! is bounded.
//!
//! `axum::serve` keeps a connection open for as long as the client likes, even
//! if the client sends nothing, or one byte now and then. [`Server`] serves any
//! [`tower::Service`], such as an [`axum::Router`] or the `ResolveService` of
//! `dcv-resolver-http`, and sets a limit to each of these:
//!
//! | what the client does | what the server does |
//! |---|---|
//! | starts a TLS handshake and does not finish it | closes after [`header_read_timeout`](Server::header_read_timeout) |
//! | connects and sends nothing, or sends the head of a request byte by byte | closes after [`header_read_timeout`](Server::header_read_timeout) |
//! | keeps a connection open between requests | closes after [`idle_timeout`](Server::idle_timeout) |
//! | does not read a response | closes after [`write_timeout`](Server::write_timeout) |
//! | sends a head that is [too long](Server::max_header_bytes), or has [too many header fields](Server::max_headers) | responds with 431 and closes |
//! | opens more than [`max_connections`](Server::max_connections) | accepts the next when one is closed |
//!
//! The service has to bound the body of a request and the time in flight;
//! `dcv_resolver_http::router` bounds both. A body that the service does not
//! read to its end closes the connection after the response.
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
//! println!("connections cut: {}", summary.connections_cut);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `tls` adds the module `tls`: TLS 1.2 and 1.3, with certificates that are
//! replaced while the server runs. No feature is enabled by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acceptor;
mod client_stream;
mod connection;
mod connections;
#[cfg(feature = "tls")]
mod handshake_failure;
#[cfg(feature = "tls")]
mod handshakes;
mod head_timer;
mod limits;
mod listen;
mod server;
mod serving;
mod shutdown_summary;
#[cfg(feature = "tls")]
pub mod tls;

pub use connections::Connections;
pub use listen::{from_std, listen};
pub use server::Server;
pub use shutdown_summary::ShutdownSummary;

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
