//! Health, readiness, metrics and explanations for the operators of a resolver,
//! as an axum [`Router`](axum::Router) for a listener of its own.
//!
//! | `GET` or `HEAD` | response |
//! |---|---|
//! | `/livez` | 200 and `ok`, as long as the process serves |
//! | `/readyz` | the [`Report`] of [`Readiness`] as JSON: 200 if this process can take requests from gateways, otherwise 503. A store that is not writable is named in the report, but does not change the status |
//! | `/metrics` | the [`Metrics`], for Prometheus: OpenMetrics if `Accept` prefers it, and otherwise its text format |
//! | `/explain?sessionId=…` | how a request is resolved: an [`Explanation`](dcv_resolver_core::Explanation) as JSON, or as text for people |
//! | `/`, `/decisions`, `/sessions` | [the page](crate#the-page) for people, if it is [set](OpsBuilder::page), and its data |
//! | any other path | 404, as a problem document like [the gateway's](dcv_resolver_http#the-answers); any other method is 405, with `Allow` |
//!
//! Every response has `cache-control: no-store`.
//!
//! **Serve it on a listener of its own, at a loopback address** unless
//! something else has to reach it. Every client that reaches it may request
//! everything except `/explain`, `/decisions` and `/sessions`, under any host
//! name, as probes and Prometheus do: these responses name the stores, but
//! neither hosts nor sessions.
//!
//! ```no_run
//! use std::net::{Ipv4Addr, SocketAddr};
//! use std::time::Duration;
//!
//! use dcv_resolver_core::{Explainer, MemoryStore, Resolver};
//! use dcv_resolver_http::ResolveService;
//! use dcv_resolver_ops::{LogDeduplicator, Metrics, OpsBuilder, Readiness, RecentDecisions};
//! use dcv_resolver_server::{Server, listen};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let resolver = Resolver::new(MemoryStore::new());
//! let metrics = Metrics::new();
//! let recent = RecentDecisions::new();
//! let readiness = Readiness::new(&resolver);
//! // Without this task the process is never ready.
//! tokio::spawn(readiness.watch());
//!
//! let ops = OpsBuilder::new(Explainer::new(resolver.clone()), readiness.clone())
//!     .metrics(metrics.clone())
//!     .page(recent.clone())
//!     .build();
//! let ops_listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 9001)))?;
//! tokio::spawn(Server::new(ops).serve(ops_listener, std::future::pending()));
//!
//! let service = ResolveService::builder(resolver)
//!     .without_log()
//!     .observer(LogDeduplicator::new(Duration::from_secs(10)).with_metrics(metrics.clone()))
//!     .observer(metrics.clone())
//!     .observer(recent)
//!     .build();
//! metrics.watch_in_flight(service.in_flight());
//!
//! let listener = listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)))?;
//! let shutdown = async move {
//!     let _ = tokio::signal::ctrl_c().await;
//!     // Load balancers stop sending gateways here while the last requests are
//!     // answered.
//!     readiness.drain();
//!     tokio::time::sleep(Duration::from_secs(5)).await;
//! };
//! Server::new(service).serve(listener, shutdown).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Explain
//!
//! `/explain` takes the query of `/resolveSession`; see
//! [`ResolveQuery`](dcv_resolver_http::ResolveQuery). It calls the same stores
//! and rules as the resolver, and is not counted as a decision. The response is
//! JSON; with `Accept: text/plain` it is text:
//!
//! ```text
//! $ curl -H 'accept: text/plain' 'http://127.0.0.1:9001/explain?sessionId=Console'
//! session "Console" over HTTP, client unknown, at 2030-01-01T00:00:00Z
//!   store by_hand: holds no such session
//! not found (unknown): no session has this id
//! did you mean "console", with different capitalization? (store by_hand)
//! ```
//!
//! The status is 200 for every explanation; 400 for a malformed request, 401 or
//! 403 for a caller that is not allowed, and 503 if the stores take longer than
//! 5 s or the authorization fails. One request for `/explain` runs
//! at a time; if eight run or wait already, the response is a 503
//! (`overloaded`). The search for similar ids ends after
//! 2.5 s or 100,000 sessions; `search_truncated` then shows that it is
//! incomplete.
//!
//! An explanation contains host names, other sessions and driver errors, so
//! only [`LoopbackOnly`] callers may request one. Set another
//! [`Authorize`](dcv_resolver_authorize::Authorize) with
//! [`OpsBuilder::authorize`].
//!
//! # The page
//!
//! With [`OpsBuilder::page`], `/` is a page for people. It shows the state of
//! the stores, the last decisions with a filter, the sessions, and for each of
//! these the path of its request, as `/explain` shows it. It requests the
//! decisions every 3 s while it is visible and not paused.
//!
//! The page consists of files without data, which every client may request. It
//! loads nothing from elsewhere, and its content security policy makes the
//! browser refuse inline scripts, markup that a script writes, requests to
//! other hosts, and frames. Text from requests and stores is escaped as in the
//! log. Where a bearer token is needed, the page asks for it, and keeps it only
//! in memory.
//!
//! Only callers that may request an explanation get the data; they are checked
//! in the same way. Requests for `/sessions` wait for each other as those for
//! [`/explain`](crate#explain) do; `/decisions` never waits. Times are RFC 3339
//! in UTC, and members without a value are left out.
//!
//! `/decisions` returns [`RecentDecisions`], the last 200 with a destination and
//! the last 200 without, the newest first:
//!
//! ```json
//! {"now":"2030-01-01T00:00:02Z","decisions":[
//!   {"number":7,"time":"2030-01-01T00:00:01.5Z","outcome":"not_found","reason":"denied",
//!    "session_id":"console","transport":"HTTP","client_ip":"198.51.100.7","store":"agents",
//!    "policy":"client_networks","status":404,"elapsed_us":84,"caller":"192.0.2.10",
//!    "request_id":"5d6f8c1a9be40c7d0000000000000006"}]}
//! ```
//!
//! `number` counts all decisions since the start. The other members are as in
//! [the log of decisions](dcv_resolver_http#the-log), without its sentences.
//!
//! `/sessions?store=…&search=…&page=…` returns about 100 sessions of a store
//! that lists them: the first such store, unless one is named. `search` matches
//! any part of an id, a target id, a host or an owner, regardless of case. A
//! search ends after 10,000 sessions or 2.5 s, and `next_page` continues it:
//!
//! ```json
//! {"stores":["agents","by_hand"],"store":"agents","sessions":[
//!   {"id":"i-0abc","target_id":"console","host":"ws-17.dcv.example","http_port":8443,
//!    "web_url_path":"/","state":"READY","live":true,"expires_at":"2030-01-01T00:10:00Z",
//!    "owner":"ann","labels":{"team":"a"}}],
//!  "unreadable":["sqlite: session \"b\" …"],"compared":100,"next_page":"…"}
//! ```
//!
//! A wrong parameter is a 400 that names it; a store that fails, or takes longer
//! than 5 s, is a 503.
//!
//! # The log
//!
//! Each request for `/explain` emits one [`tracing`] event with the target
//! `dcv_resolver::operators`, at level INFO for an explanation and WARN for the
//! rest. A request for `/decisions` or `/sessions` emits one only if it fails or
//! is refused. Fields without a value are omitted, and untrusted text is escaped
//! and truncated as in [the log of decisions](dcv_resolver_http#the-log).
//!
//! | field | |
//! |---|---|
//! | `path` | `/explain`, `/decisions` or `/sessions` |
//! | `outcome` | `found`, `not_found` or `error`, as for a gateway; `refused` (not allowed, or too many requests), `malformed` or `failed` if there is no explanation |
//! | `reason` | why the session was not found, or the reason of the problem document |
//! | `session_id`, `transport`, `client_ip` | as in the request that is explained |
//! | `principal` | the name of the [`Principal`](dcv_resolver_authorize::Principal) |
//! | `caller` | the address at the other end of the connection |
//! | `status`, `elapsed_us`, `request_id`, `error` | as in the log of decisions |
//!
//! Of the requests that are refused, or whose caller cannot be authorized, the
//! first to a path with each `reason` is logged in full. Those of the next 10 s
//! are logged as one event, with their number in `suppressed`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod builder;
mod bursts;
mod decisions;
mod durations;
mod explain;
mod guard;
mod health_event;
mod json;
mod log_deduplicator;
mod loopback_only;
mod metrics;
mod operators_page;
mod ops_error;
mod pages;
mod ping;
mod readiness;
mod recent_decisions;
mod recent_ids;
mod report;
mod request_log;
mod session_search;
mod sessions;
mod store_health;
mod turns;
mod write_health;

/// The version of axum whose [`Router`](axum::Router) [`OpsBuilder`] builds.
pub use axum;
pub use builder::OpsBuilder;
pub use explain::explain_router;
pub use log_deduplicator::LogDeduplicator;
pub use loopback_only::LoopbackOnly;
pub use metrics::{AgentStats, ConnectionStats, Metrics, MetricsFormat};
/// The library of the registry that [`Metrics::register`] expects.
pub use prometheus_client;
pub use readiness::Readiness;
pub use recent_decisions::RecentDecisions;
pub use report::{ReadyState, Report, StoreReport, StoreState};

// Programs share these among threads and tasks.
const _: fn() = || {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Metrics>();
    is_shared::<OpsBuilder>();
    is_shared::<Readiness>();
    is_shared::<RecentDecisions>();
};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
