//! What operators and their machines ask: alive, ready, how much, and why not
//! found. On a listener of its own.
//!
//! | `GET` or `HEAD` | answer |
//! |---|---|
//! | `/livez` | 200 and `ok`, for as long as the process serves |
//! | `/readyz` | 200 where [`Readiness`] says that gateways may be sent here, otherwise 503; either way with the [`Report`] as JSON |
//! | `/metrics` | [`Metrics`] as text, for Prometheus |
//! | `/explain?sessionId=…` | why a gateway that asks this is answered as it is: an [`Explanation`](dcv_resolver_core::Explanation) as JSON, or as lines for people |
//! | another path | 404, as a problem document like the [gateway's](crate#the-answers); another method is 405, with `Allow` |
//!
//! Every answer has `cache-control: no-store`.
//!
//! **Give it a listener of its own, on a loopback address** unless something
//! else has to reach it. All but `/explain` are answered to anybody who does:
//! they name the stores, and neither hosts nor sessions.
//!
//! ```no_run
//! # #[cfg(feature = "server")]
//! # async fn run() -> std::io::Result<()> {
//! use std::net::{Ipv4Addr, SocketAddr};
//!
//! use dcv_resolver_core::{Explainer, MemoryStore, Resolver};
//! use dcv_resolver_http::ops::{OpsBuilder, Readiness};
//! use dcv_resolver_http::server::{self, Server};
//! use dcv_resolver_http::{Metrics, router};
//!
//! let resolver = Resolver::new(MemoryStore::new()).with_store_name("by_hand");
//! let readiness = Readiness::new(&resolver);
//! // Without it the process is never ready.
//! tokio::spawn(readiness.clone().watch());
//!
//! let ops = OpsBuilder::new(Explainer::new(resolver.clone()), readiness.clone())
//!     .metrics(Metrics::new())
//!     .build();
//! let ops_listener = server::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 9001)))?;
//! tokio::spawn(Server::new(ops).serve(ops_listener, std::future::pending()));
//!
//! let listener = server::listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9000)))?;
//! let shutdown = async move {
//!     let _ = tokio::signal::ctrl_c().await;
//!     // Whoever probes sends no more gateways here, while the last are answered.
//!     readiness.lame_duck();
//!     tokio::time::sleep(std::time::Duration::from_secs(5)).await;
//! };
//! Server::new(router(resolver)).serve(listener, shutdown).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Explain
//!
//! `/explain` takes the parameters of `/resolveSession`, read by the same
//! rules: see [`ResolveQuery`](crate::ResolveQuery). It walks through the same
//! stores and rules and decides nothing: nothing is counted as a decision. The
//! answer is JSON; with `Accept: text/plain` it is for people:
//!
//! ```text
//! $ curl -H 'accept: text/plain' 'http://127.0.0.1:9001/explain?sessionId=Console'
//! session "Console" over HTTP, client unknown, at 2030-01-01T00:00:00Z
//!   store by_hand: holds no such session
//! not found (unknown): no session has this id
//! did you mean "console", in other capitals? (store by_hand)
//! ```
//!
//! It is 200 whatever the explanation says; 400 for a malformed request, 401
//! and 403 for a caller that the [`Guard`] refuses, 503 where the stores did
//! not tell all within 5 s. Near ids are looked for no longer than 2.5 s:
//! `search_truncated` tells when that was not enough.
//!
//! It names hosts, other sessions and what a store's driver said. Unless there
//! is another [guard](OpsBuilder::guard), only [`LoopbackOnly`] are answered.
//!
//! Each request that is answered leaves one [`tracing`] event with the target
//! `dcv_resolver::explain`, at level INFO for an explanation and WARN for the
//! rest. A field that has no value is left out, and text from outside is
//! escaped and cut as in [the log of decisions](crate#the-log).
//!
//! | field | |
//! |---|---|
//! | `outcome` | `found`, `miss` or `error`, as a gateway would be answered; `refused`, `malformed` or `failed` where nothing was explained |
//! | `reason` | of a miss, or of the problem document |
//! | `session_id`, `transport`, `client_ip` | as asked for |
//! | `caller` | who asked, as the guard calls them |
//! | `peer` | the address that asked |
//! | `status`, `elapsed_us`, `request_id`, `error` | as in the log of decisions |
//!
//! Of those that the guard refuses, the first leaves such an event; those of
//! the 10 s after it leave one more, with their number in `refused`.

mod explain;
mod guard;
mod readiness;
mod report;
mod watchee;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use dcv_resolver_core::Explainer;
use tokio::sync::Semaphore;

use crate::Metrics;
use crate::answer::with_type;
use crate::problem::document;
use crate::refusals::Refusals;
use crate::request_id::RequestIds;

pub use guard::{Guard, LoopbackOnly, Refused};
pub use readiness::Readiness;
pub use report::{ReadyState, Report, StoreReport, StoreState};

/// Makes the [`Router`] of the ops listener; see [the module](self).
///
/// What is reloaded is built anew, with the same [`Readiness`] and
/// [`Metrics`].
#[derive(Debug, Clone)]
pub struct OpsBuilder {
    explainer: Explainer,
    readiness: Readiness,
    metrics: Metrics,
    guard: Arc<dyn Guard>,
    further: Router,
}

/// What every request to one router shares.
#[derive(Debug)]
struct Shared {
    explainer: Explainer,
    readiness: Readiness,
    metrics: Metrics,
    guard: Arc<dyn Guard>,
    request_ids: RequestIds,
    /// One that looks for near ids goes through everything that is listed.
    explaining: Semaphore,
    /// Of the guard.
    refusals: Refusals,
}

const MAX_EXPLAINING: usize = 4;
const EXPLAIN_TIME: Duration = Duration::from_secs(5);

impl OpsBuilder {
    /// A builder with the defaults: metrics of its own, which tell of
    /// readiness alone, and [`LoopbackOnly`].
    #[must_use]
    pub fn new(explainer: Explainer, readiness: Readiness) -> Self {
        Self {
            explainer,
            readiness,
            metrics: Metrics::new(),
            guard: Arc::new(LoopbackOnly),
            further: Router::new(),
        }
    }

    /// The metrics to show. Whether the process is ready and its stores are up
    /// is written into them each time they are shown.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Who may ask for an explanation.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.guard = Arc::new(guard);
        self
    }

    /// Serves `router` as well, such as that of the admin API. A fallback of
    /// its own is dropped; its routes guard themselves.
    ///
    /// # Panics
    ///
    /// As [`Router::merge`], when both serve the same path.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.further = self.further.merge(router.reset_fallback());
        self
    }

    /// Makes the router.
    ///
    /// # Panics
    ///
    /// When a [merged](Self::merge) router serves one of its paths.
    pub fn build<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let shared = Shared {
            explainer: self.explainer,
            readiness: self.readiness,
            metrics: self.metrics,
            guard: self.guard,
            request_ids: RequestIds::new(),
            explaining: Semaphore::new(MAX_EXPLAINING),
            refusals: Refusals::new(explain::tell_count),
        };
        Router::new()
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/explain", get(explain::explain))
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(no_such_path)
            .with_state(Arc::new(shared))
            .merge(self.further.with_state(()))
            .layer(map_response(not_stored))
    }
}

async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    let report = shared.readiness.report();
    // Text and numbers always serialise.
    let body = serde_json::to_vec(&report).unwrap_or_default();
    let mut response = with_type("application/json", body);
    if !report.ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    shared.readiness.export(&shared.metrics);
    with_type(Metrics::CONTENT_TYPE, shared.metrics.render())
}

async fn no_such_path() -> Response {
    let detail =
        "there is nothing at this path; operators ask /livez, /readyz, /metrics and /explain";
    document(StatusCode::NOT_FOUND, "no_such_path", detail.into(), None)
}

/// The router adds `Allow`.
async fn method_not_allowed() -> Response {
    let detail = "this path is asked with GET or HEAD";
    document(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        detail.into(),
        None,
    )
}

async fn not_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
