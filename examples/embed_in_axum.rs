//! A service that answers resolve requests beside routes of its own.
//!
//! ```text
//! cargo run --example embed_in_axum
//! curl -X POST 'http://127.0.0.1:9000/resolveSession?sessionId=console&transport=HTTP'
//! curl http://127.0.0.1:9000/about
//! ```

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use dcv_resolver_core::{Expiry, MemoryStore, Resolver, SessionRecord};
use dcv_resolver_http::server::{self, Server};

fn app(store: Arc<MemoryStore>) -> Router {
    let resolver = Resolver::new(store);
    Router::new()
        .route("/about", get(async || "our own service"))
        .merge(dcv_resolver_http::router(resolver))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The service keeps the store, and changes it while requests are answered.
    let store = Arc::new(MemoryStore::new());
    let app = app(Arc::clone(&store));
    store.insert(
        SessionRecord::builder(
            "console".parse()?,
            "ws-17.dcv.example".parse()?,
            Expiry::Never,
        )
        .http_port(8443)
        .build()?,
    );

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
