//! A resolver for the sessions of a PostgreSQL database.
//!
//! ```text
//! dcv-resolver-example-postgres 127.0.0.1:9000 postgres://resolver@db.example/desktops
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::{ChangeSource, Resolver};
use dcv_resolver_example_postgres::PostgresStore;
use dcv_resolver_server::{self as server, Server};
use sqlx::postgres::PgPoolOptions;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, url] = &arguments[..] else {
        return Err("expected ADDRESS:PORT postgres://USER@HOST/DATABASE".into());
    };
    let pool = PgPoolOptions::new()
        // Less than the second in which a request is answered.
        .acquire_timeout(Duration::from_millis(500))
        .connect_lazy(url)?;
    let store = PostgresStore::new(pool);
    store.migrate().await?;

    // A cache answers most requests; the source of changes keeps it current.
    let cached = Arc::new(CachedStore::new(store, CacheConfig::default()));
    tokio::spawn(cached.store().watch_changes(cached.listener()));

    let listener = server::listen(address.parse()?)?;
    println!("the resolver listens on {address}");
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    Server::new(dcv_resolver_http::router(Resolver::new(cached)))
        .serve(listener, interrupted)
        .await;
    Ok(())
}
