//! Keeps sessions in the SQLite database that a service already has, through the
//! service's own pool.
//!
//! ```text
//! cargo run --example bring_your_own_pool
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, ResolveRequest, Resolver, SessionRecord, SessionRegistry,
    SystemClock, Transport,
};
use dcv_resolver_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The service's own pool and tables.
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("service.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    sqlx::query("CREATE TABLE desktop (name TEXT PRIMARY KEY, host TEXT NOT NULL) STRICT")
        .execute(&pool)
        .await?;
    sqlx::query("INSERT INTO desktop VALUES ('ann', 'ws-17.dcv.example')")
        .execute(&pool)
        .await?;

    // The store's tables, in the same database.
    dcv_resolver_sqlite::migrate(&pool).await?;
    let store = SqliteStore::with_pool(pool.clone());

    let (name, host): (String, String) = sqlx::query_as("SELECT name, host FROM desktop")
        .fetch_one(&pool)
        .await?;
    let record = SessionRecord::builder(name.parse()?, host.parse()?, Expiry::Never)
        .http_port(8443)
        .build()?;
    // Only the service has this token, so only it can change these sessions.
    let token = LeaseToken::from_bytes(*b"desktop service!");
    store.register(&record, &token, SystemClock.now()).await?;

    let request = ResolveRequest::new("ann".parse()?, Transport::Http);
    println!("{:?}", Resolver::new(store).resolve(&request).await?);
    Ok(())
}
