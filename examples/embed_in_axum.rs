//! A service that answers resolve requests beside routes of its own, and
//! operators on a listener of their own.
//!
//! ```text
//! cargo run --example embed_in_axum
//! curl -X POST 'http://127.0.0.1:9000/resolveSession?sessionId=console&transport=HTTP'
//! curl http://127.0.0.1:9000/about
//! curl http://127.0.0.1:9001/readyz
//! curl http://127.0.0.1:9001/metrics
//! curl -H 'accept: text/plain' 'http://127.0.0.1:9001/explain?sessionId=Console'
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use dcv_resolver_core::{Expiry, Explainer, MemoryStore, Resolver, SessionRecord};
use dcv_resolver_http::ResolveService;
use dcv_resolver_ops::{Metrics, OpsBuilder, Readiness};
use dcv_resolver_server::{self as server, Server};

/// For gateways, beside what the service does anyway.
fn app(resolver: Resolver, metrics: Metrics) -> Router {
    Router::new()
        .route("/about", get(async || "our own service"))
        .merge(ResolveService::builder(resolver).observer(metrics).router())
}

/// For operators. The store is listed, so that a mistyped id is recognised.
fn ops(store: Arc<MemoryStore>, resolver: Resolver, metrics: Metrics) -> Router {
    let readiness = Readiness::new(&resolver);
    tokio::spawn(readiness.clone().watch());
    let explainer = Explainer::new(resolver).with_listing("store", store);
    OpsBuilder::new(explainer, readiness)
        .metrics(metrics)
        .build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The service keeps the store, and changes it while requests are answered.
    let store = Arc::new(MemoryStore::new());
    let resolver = Resolver::new(Arc::clone(&store));
    let metrics = Metrics::new();
    let app = app(resolver.clone(), metrics.clone());
    let ops = ops(Arc::clone(&store), resolver, metrics);
    store.insert(
        SessionRecord::builder(
            "console".parse()?,
            "ws-17.dcv.example".parse()?,
            Expiry::Never,
        )
        .http_port(8443)
        .build()?,
    );

    let for_operators = server::listen(([127, 0, 0, 1], 9001).into())?;
    tokio::spawn(Server::new(ops).serve(for_operators, std::future::pending()));
    let listener = server::listen(([127, 0, 0, 1], 9000).into())?;
    let stop = async {
        // Without a signal handler the service runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    Server::new(app).serve(listener, stop).await;
    Ok(())
}
