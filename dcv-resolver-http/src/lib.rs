//! The HTTP side of a DCV session resolver: an axum [`Router`](axum::Router)
//! over a [`Resolver`](dcv_resolver_core::Resolver).
//!
//! The DCV Connection Gateway sends `POST /resolveSession?sessionId=…` for
//! every connection. [`router`] answers it, whatever the store behind the
//! resolver; it starts no runtime, opens no socket and sets nothing global.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};
//! use http_body_util::BodyExt;
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
//!     .http_port(8443)
//!     .build()?;
//! let resolver = Resolver::new(Arc::new(MemoryStore::from_iter([record])));
//!
//! let app = Router::new()
//!     .route("/health", get(async || "healthy"))
//!     .merge(dcv_resolver_http::router(resolver));
//!
//! let request = Request::post("/resolveSession?sessionId=console").body(Body::empty())?;
//! let answer = app.oneshot(request).await?;
//! assert_eq!(
//!     answer.into_body().collect().await?.to_bytes(),
//!     r#"{"SessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-17.dcv.example","Port":8443,"WebUrlPath":"/"}"#,
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # The answers
//!
//! [`ResolveQuery`] says how a request is read. The gateway takes 200 for a
//! destination, 404 for "there is none", and everything else for a resolver
//! that failed:
//!
//! | situation | status | `reason` |
//! |---|---|---|
//! | a live session that offers the transport | 200 | |
//! | the store holds no such session | 404 | `unknown` |
//! | the session is past its expiry | 404 | `expired` |
//! | the session is not `READY` | 404 | `not_ready` |
//! | the session's server does not offer the transport | 404 | `transport_not_offered` |
//! | a [policy](dcv_resolver_core::Policy) keeps the client from the session | 404 | `denied` |
//! | the query is not a resolve request | 400 | `malformed_request` |
//! | another method than `POST` | 405, with `Allow` | `method_not_allowed` |
//! | a URI of more than [`MAX_URI_BYTES`] | 414 | `uri_too_long` |
//! | another path | 404 | `no_such_path` |
//! | a caller from a network that [may not ask](ResolveServiceBuilder::allowed_callers) | 403 | `caller_not_allowed` |
//! | a caller that asks [more often than it may](ResolveServiceBuilder#method.rate_limit) | 429, with `Retry-After` | `rate_limited` |
//! | more requests at once [than allowed](ResolveServiceBuilder::max_in_flight) | 503, with `Retry-After` | `overloaded` |
//! | the store could not be asked | 503, with `Retry-After` | `store_unavailable` |
//! | the [time budget](ResolveServiceBuilder::time_budget) ran out, or the store's own | 503, with `Retry-After` | `timeout` |
//! | a damaged record, a panic in the store, a bug | 500 | `internal_error` |
//!
//! - **200** is `application/json`, the five keys that the gateway expects.
//! - **Refusals** (403, 429, `overloaded`) come before the query is read, in
//!   this order: who may not ask learns nothing else.
//! - **Any other** is `application/problem+json` (RFC 9457) with `title`,
//!   `status`, `detail` (a sentence for people) and `reason` (a stable word
//!   for programs); a 400 has the `parameter` at fault as well. It may quote
//!   the client's own text, escaped and cut; never a host, a path, what a
//!   store said, or another session's id.
//! - **Every answer** has `cache-control: no-store` and an `x-request-id`: the
//!   caller's, where that is 1 to 128 visible ASCII characters.
//! - **A request body** is ignored. Up to 64 KiB of it are read, within the
//!   time budget and within 20 ms where the request is refused; if that is not
//!   all of it, the answer says `connection: close`.
//!
//! # The log
//!
//! Each request leaves one [`tracing`] event with the target
//! `dcv_resolver::decision`: at level INFO for a destination, ERROR for a
//! failure, WARN for the rest. A field that has no value is left out.
//!
//! | field | |
//! |---|---|
//! | `outcome` | `found`, `miss`, `malformed`, `refused` (403, 429, `overloaded`), `error`, or `abandoned`: the caller went away before the decision |
//! | `reason`, `detail` | as in the answer, for all but `found` |
//! | `session_id` | the id asked for |
//! | `transport` | `HTTP` or `QUIC` |
//! | `client_ip` | as the gateway sent it: behind a load balancer, the load balancer's |
//! | `unusable_client_ip` | what the gateway sent instead of an address |
//! | `destination` | `host:port`, an IPv6 address in brackets |
//! | `store` | the name of the store that decided or was being asked; all names where none holds the session, or none was asked |
//! | `stale_ms` | how old, in milliseconds, the record is that decided, where a cache served it because its store fails |
//! | `status` | the answer's status |
//! | `elapsed_us` | microseconds from the request's arrival in the router to the decision |
//! | `caller` | the address that the connection comes from: a gateway's, or a proxy's; where the server [tells it](ResolveServiceBuilder::allowed_callers) |
//! | `request_id` | the answer's `x-request-id` |
//! | `trace_id` | the trace that the request is part of, from its `traceparent` |
//! | `error` | what the store's error says, with its sources, or what a panic said |
//!
//! Text from outside is escaped (`\n`, `\u{202e}`) and cut to 256 bytes,
//! `error` to 1,024.
//!
//! **Failures that repeat are folded.** An `error` is logged in full once. While
//! it goes on with the same reason, store and error text, it is counted; 10 s
//! ([`dedup_window`](ResolveServiceBuilder::dedup_window)) later, with the next request,
//! one event of the same level tells `repeated` = how many there were, and
//! `window_ms` = in how many milliseconds. So is a `refused`, for each caller.
//! More than 64 at once are told apart by reason and store alone, so that no
//! flood of requests becomes a flood of lines. Everything else leaves an event
//! each time.
//!
//! **Each request has a span**: `resolve` with the target
//! `dcv_resolver::resolve` at level INFO, around all that is done to decide it,
//! what its store logs as well. Its fields are `request_id` and, from a W3C
//! `traceparent`, `trace_id`, `parent_span_id` and `sampled`. A `traceparent`
//! that breaks the standard is ignored, and a DEBUG event says so.

#[cfg(feature = "admin")]
pub mod admin;
mod answer;
mod body;
mod callers;
mod client_ip;
mod decision;
#[cfg(feature = "json-log")]
mod decision_lines;
mod destination;
mod durations;
mod exchange;
mod fold;
mod guarded;
mod in_flight;
#[cfg(feature = "json-log")]
pub mod json_log;
mod live_router;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "ops")]
pub mod ops;
mod percent;
mod problem;
mod query;
#[cfg(feature = "rate-limit")]
mod rate_limit;
#[cfg(feature = "ops")]
mod refusals;
mod request_id;
mod resolve_service;
mod router_builder;
#[cfg(feature = "server")]
pub mod server;
mod shown_address;
mod trace_context;
#[cfg(any(feature = "tls", feature = "admin"))]
mod watched_files;

/// The axum that [`router`] returns a [`Router`](axum::Router) of. Another
/// major version of it is another major version of this crate.
pub use axum;
#[cfg(feature = "json-log")]
pub use decision_lines::DecisionLines;
pub use exchange::MAX_URI_BYTES;
pub use live_router::ReloadableRouter;
#[cfg(feature = "metrics")]
pub use metrics::{CacheFigures, Metrics};
pub use query::{InvalidQuery, ResolveQuery};
#[cfg(feature = "rate-limit")]
pub use rate_limit::RateLimit;
pub use resolve_service::ResolveService;
pub use router_builder::{ResolveServiceBuilder, router};

/// The examples of the README run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
