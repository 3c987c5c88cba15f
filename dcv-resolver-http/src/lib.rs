//! The HTTP adapter of a DCV session resolver: turns a
//! [`Resolver`](dcv_resolver_core::Resolver) into a [`tower::Service`] and an
//! axum [`Router`](axum::Router).
//!
//! The DCV Connection Gateway sends `POST /resolveSession?sessionId=…` for
//! every connection. [`router()`] answers it, whatever store is behind the
//! resolver. The adapter starts no runtime, opens no socket and sets nothing
//! global.
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
//! let response = app.oneshot(request).await?;
//! assert_eq!(
//!     response.into_body().collect().await?.to_bytes(),
//!     r#"{"SessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"ws-17.dcv.example","Port":8443,"WebUrlPath":"/"}"#,
//! );
//! # Ok(())
//! # }
//! ```
//!
//! - [`ResolveService`] is the whole adapter as one [`tower::Service`];
//!   [`router()`] is that service as a fallback.
//! - [`ResolveServiceBuilder`] sets the time budget, the limits and the
//!   observers.
//! - [`Decision`] is a request and its outcome. A [`DecisionObserver`] receives
//!   each one, for an audit, billing or metrics; a middleware reads it from the
//!   response's extensions.
//! - [`ReloadableService`] replaces a service while it serves.
//! - [`testing`] sends requests as a gateway does, for unit tests.
//!
//! # Related crates
//!
//! | crate | adds |
//! |---|---|
//! | `dcv-resolver-server` | a server that is safe to expose: timeouts, connection limits, TLS, a graceful drain |
//! | `dcv-resolver-ops` | `/livez`, `/readyz`, `/metrics`, `/explain`, a page for people, and a log that suppresses repeated failures |
//! | `dcv-resolver-admin` | an HTTP API that registers, renews and removes sessions |
//! | `dcv-resolver-cache`, `dcv-resolver-timeout` | a cache or a time limit in front of any store |
//! | `dcv-resolver-static-file`, `dcv-resolver-sqlite`, `dcv-resolver-redis` | stores |
//!
//! # The answers
//!
//! [`ResolveQuery`] documents how a request is parsed. The gateway treats 200
//! as a destination, 404 as "no such session", and every other status as a
//! failed resolver:
//!
//! | situation | status | `reason` |
//! |---|---|---|
//! | the session is live and offers the transport | 200 | |
//! | no store holds the session | 404 | `unknown` |
//! | the session is past its expiry | 404 | `expired` |
//! | the session is not `READY` | 404 | `not_ready` |
//! | the session's server does not offer the transport | 404 | `transport_not_offered` |
//! | a [policy](dcv_resolver_core::Policy) denies the client access to the session | 404 | `denied` |
//! | the query is not a resolve request | 400 | `malformed_request` |
//! | another method than `POST` | 405, with `Allow` | `method_not_allowed` |
//! | a URI of more than [`MAX_URI_BYTES`] | 414 | `uri_too_long` |
//! | another path | 404 | `no_such_path` |
//! | a caller from a network that is [not allowed](ResolveServiceBuilder::allowed_callers) | 403 | `caller_not_allowed` |
//! | a caller beyond its [rate limit](ResolveServiceBuilder::rate_limit) | 429, with `Retry-After` | `rate_limited` |
//! | too many [requests in flight](ResolveServiceBuilder::max_in_flight) | 503, with `Retry-After` | `overloaded` |
//! | a store could not answer | 503, with `Retry-After` | `store_unavailable` |
//! | a policy could not decide | 503, with `Retry-After` | `policy_unavailable` |
//! | the [time budget](ResolveServiceBuilder::time_budget) ran out, or a store's own | 503, with `Retry-After` | `timeout` |
//! | a corrupt record, a panic in a store, a bug | 500 | `internal_error` |
//!
//! - **200** is `application/json` with the five keys that the gateway expects.
//! - **Refusals** (403, 429, `overloaded`) are sent before the query is read,
//!   in this order: a caller that is not allowed learns nothing else. A 403 and
//!   a 429 have `connection: close`.
//! - **Every other status** is `application/problem+json` (RFC 9457) with
//!   `title`, `status`, `detail` (a sentence for people) and `reason` (a stable
//!   word for programs); a 400 also has the `parameter` at fault. It may quote
//!   the client's own text, escaped and truncated, but never a host, a path,
//!   the error of a store, or another session's id.
//! - **Every response** has `cache-control: no-store` and an `x-request-id`:
//!   the caller's own if it has 1 to 128 visible ASCII characters, otherwise a
//!   new one.
//! - **A request body** is ignored. Up to 64 KiB of it are read, within the
//!   time budget, or within 20 ms if the request is refused. If the body is
//!   longer or slower than that, the response has `connection: close`.
//!
//! # The log
//!
//! [`DecisionLog`] emits one [`tracing`] event for each request, with the
//! target `dcv_resolver::decision`: at level INFO for a destination, ERROR for
//! a failure, WARN for the rest. Fields without a value are omitted.
//!
//! | field | |
//! |---|---|
//! | `outcome` | `found`, `not_found`, `malformed`, `refused` (403, 429, `overloaded`), `error`, or `abandoned`: the server dropped the request before the decision, as many do when the caller disconnects |
//! | `reason`, `detail` | as in the response, unless `found` |
//! | `method`, `path`, `parameter` | only for a `malformed` request; `parameter` only if one is at fault |
//! | `session_id` | the requested id |
//! | `transport` | `HTTP` or `QUIC` |
//! | `client_ip` | as the gateway sent it; behind a load balancer, the load balancer's address |
//! | `invalid_client_ip` | what the gateway sent instead of an address |
//! | `destination` | `host:port`, an IPv6 address in brackets |
//! | `store` | the store that decided, failed or was being asked |
//! | `policy` | the policy that denied, failed or was being asked |
//! | `stale_ms` | the age of the record, in milliseconds, if a cache served it because its store failed |
//! | `status` | the status of the response |
//! | `elapsed_us` | microseconds from the arrival of the request to the decision |
//! | `caller` | the address at the other end of the connection: a gateway, or a proxy; if the server [provides it](ResolveServiceBuilder::allowed_callers) |
//! | `request_id` | the `x-request-id` of the response |
//! | `trace_id` | the trace that the request is part of, from its `traceparent` |
//! | `error` | the error of the store or the policy with its sources, or the message of a panic |
//!
//! Untrusted text is escaped (`\n`, `\u{202e}`) and truncated to 256 bytes,
//! `error` to 1,024.
//!
//! During an outage, or a flood of malformed requests, every request is logged.
//! `LogDeduplicator` in `dcv-resolver-ops` logs the first of each kind and counts
//! the rest.
//!
//! **Each request has a span**: `resolve` with the target
//! `dcv_resolver::resolve` at level DEBUG, around the decision and everything
//! that its stores log. Its fields are `request_id` and, from a W3C
//! `traceparent`, `trace_id`, `parent_span_id` and `sampled`. A log at INFO has
//! neither the span nor its cost; a layer that exports traces must enable the
//! target at DEBUG. An invalid `traceparent` is ignored and logged at DEBUG.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod abandon_guard;
mod builder;
mod callers;
mod client_ip;
mod deadline;
mod decision;
mod decision_log;
mod decision_outcome;
mod discard_body;
mod in_flight;
mod limits;
mod observers;
pub mod percent;
mod problem;
mod query;
mod rate_limit;
mod reloadable;
mod request_context;
mod request_id;
mod resolution_json;
mod resolve_service;
mod respond;
mod router;
pub mod testing;
mod trace_context;

/// The version of axum whose [`Router`](axum::Router) type [`router()`]
/// returns.
pub use axum;
pub use builder::ResolveServiceBuilder;
pub use callers::peer;
pub use deadline::{Interrupted, call_with_deadline};
pub use decision::{Decision, DecisionObserver};
pub use decision_log::DecisionLog;
pub use decision_outcome::DecisionOutcome;
pub use discard_body::discard_body;
pub use in_flight::InFlight;
pub use problem::{Problem, ProblemDocument};
pub use query::{InvalidQuery, MAX_URI_BYTES, ResolveQuery};
pub use rate_limit::RateLimit;
pub use reloadable::ReloadableService;
pub use request_id::{InvalidRequestId, RequestId, RequestIds, X_REQUEST_ID};
pub use resolve_service::ResolveService;
pub use router::router;
/// The version of tower whose [`Service`](tower::Service) trait
/// [`ResolveService`] and [`ReloadableService`] implement.
pub use tower;
pub use trace_context::TraceContext;

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<InFlight>();
    is_shared::<Problem>();
    is_shared::<ReloadableService<ResolveService>>();
    is_shared::<RequestIds>();
    is_shared::<ResolveService>();
};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
