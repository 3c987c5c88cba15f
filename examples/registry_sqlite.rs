//! Registers, renews and deregisters a session in an SQLite file. It survives a
//! restart.
//!
//! ```text
//! cargo run --example registry_sqlite
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, ResolveRequest, Resolver, SessionRecord, SessionRegistry,
    SystemClock, Transport,
};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let config = SqliteConfig::new(folder.path().join("sessions.db"));

    // As an agent on the DCV server does when a session starts. The agent renews
    // the lease in time; if the agent dies, the session expires.
    let store = SqliteStore::open(config.clone().create_if_missing(true)).await?;
    let record = SessionRecord::builder("ann".parse()?, "ws-17.dcv.example".parse()?, expiry())
        .http_port(8443)
        .build()?;
    let mut bytes = [0; LeaseToken::BYTES];
    getrandom::fill(&mut bytes)?;
    let token = LeaseToken::from_bytes(bytes);
    store.register(&record, &token, SystemClock.now()).await?;
    drop(store);

    // After a restart, the session and its lease are still there.
    let store = Arc::new(SqliteStore::open(config).await?);
    let resolver = Resolver::new(Arc::clone(&store));
    let request = ResolveRequest::new("ann".parse()?, Transport::Http);
    println!("after the restart: {:?}", resolver.resolve(&request).await?);

    let now = SystemClock.now();
    store.renew(record.id(), &token, expiry(), now).await?;
    store.deregister(record.id(), &token).await?;
    println!("deregistered: {:?}", resolver.resolve(&request).await?);
    Ok(())
}

fn expiry() -> Expiry {
    Expiry::At(SystemClock.now().saturating_add(Duration::from_secs(30)))
}
