//! `serve`: answers the gateway's requests.

use std::io;

use dcv_resolver_http::RouterBuilder;
use dcv_resolver_http::server::{self, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::ServeOptions;
use crate::failure::Failure;
use crate::log;
use crate::open_store::{Missing, OpenStore};

pub(crate) async fn run(options: ServeOptions) -> Result<(), Failure> {
    log::init(&options.log)?;
    let store = OpenStore::open(options.store.url()?, Missing::Fail).await?;
    let _watcher = store.watch()?;
    let app = RouterBuilder::new(store.resolver())
        .time_budget(options.time_budget_ms)
        .build();

    let listener = server::listen(options.listen).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; stop the program that uses it, or choose another --listen"
            }
            _ => "",
        };
        Failure::setup(format!(
            "cannot listen on {}: {error}{remedy}",
            options.listen
        ))
    })?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let mut terminate = handler(SignalKind::terminate())?;
    let stop = async {
        let signal = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal, "stopping");
    };

    let address = listener.local_addr().unwrap_or(options.listen);
    tracing::info!(%address, store = store.name, "listening");
    let ended = Server::new(app).serve(listener, stop).await;
    tracing::info!(connections_cut = ended.connections_cut, "stopped");
    Ok(())
}

fn handler(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::setup(format!("cannot handle signals: {error}")))
}
