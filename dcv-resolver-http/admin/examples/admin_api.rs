//! The admin API over sessions in memory, on a server of its own:
//!
//! ```text
//! cargo run -p dcv-resolver-admin --example admin_api -- TOKEN_FILE [ADDRESS]
//! ```
//!
//! It prints its address, by default 127.0.0.1 with a free port, and serves
//! until ctrl-c.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use dcv_resolver_admin::{AdminBuilder, BearerTokens};
use dcv_resolver_core::MemoryStore;
use dcv_resolver_server::Server;

#[tokio::main]
#[expect(
    clippy::print_stdout,
    reason = "the address is the output of this program"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let token_file = arguments
        .next()
        .ok_or("usage: admin_api TOKEN_FILE [ADDRESS]")?;
    let address = arguments.next();
    let address: SocketAddr = address.as_deref().unwrap_or("127.0.0.1:0").parse()?;

    let tokens = BearerTokens::load(token_file)?;
    let watched = tokens.clone();
    tokio::spawn(async move { watched.watch(|_reload| ()).await });
    let app = AdminBuilder::with_import(Arc::new(MemoryStore::new()), tokens).build();

    let listener = dcv_resolver_server::listen(address)?;
    println!("http://{}", listener.local_addr()?);
    let stopped = async {
        // Without signals it serves until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Server::new(app).serve(listener, stopped).await;
    Ok(())
}
