//! Two resolvers on one Redis: a session that one of them registers is resolved by
//! the other at once.
//!
//! ```text
//! redis-server --port 6379 --save '' &
//! cargo run --example registry_redis -- redis://127.0.0.1:6379
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::time::Duration;

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, ResolveRequest, Resolver, SessionRecord, SessionRegistry,
    SystemClock, Transport,
};
use dcv_resolver_redis::RedisStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1);
    let url = url.ok_or("pass the URL of a Redis server, such as redis://127.0.0.1:6379")?;
    // A store connects in the background, so a resolver starts without Redis.
    let one = RedisStore::new(url.parse()?);
    let other = RedisStore::new(url.parse()?);

    let now = SystemClock.now();
    let expiry = Expiry::At(now.saturating_add(Duration::from_secs(30)));
    let record = SessionRecord::builder("ann".parse()?, "ws-17.dcv.example".parse()?, expiry)
        .http_port(8443)
        .build()?;
    let mut bytes = [0; LeaseToken::BYTES];
    getrandom::fill(&mut bytes)?;
    let token = LeaseToken::from_bytes(bytes);
    one.register(&record, &token, now).await?;

    let request = ResolveRequest::new("ann".parse()?, Transport::Http);
    let resolver = Resolver::new(other);
    println!("registered: {:?}", resolver.resolve(&request).await?);

    one.deregister(record.id(), &token).await?;
    println!("deregistered: {:?}", resolver.resolve(&request).await?);
    Ok(())
}
