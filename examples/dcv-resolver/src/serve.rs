//! `serve`: answers the gateway's requests.

use std::io;

use dcv_resolver_http::RouterBuilder;
use dcv_resolver_http::server::{self, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::chain::Chain;
use crate::cli::ConfigOptions;
use crate::config::Source;
use crate::failure::Failure;
use crate::log;

pub(crate) async fn run(options: ConfigOptions) -> Result<(), Failure> {
    let config = Source::new(options).load()?;
    log::init(&config.log)?;
    let chain = Chain::open(&config).await?;
    let _watchers = chain.watch()?;
    let resolver = chain.resolver(&config);
    let stores = resolver.store_name().to_owned();
    let app = RouterBuilder::new(resolver)
        .time_budget(config.time_budget_ms.milliseconds())
        .build();

    let listen = config.listen.0;
    let listener = server::listen(listen).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; stop the program that uses it, or choose another --listen"
            }
            _ => "",
        };
        Failure::setup(format!("cannot listen on {listen}: {error}{remedy}"))
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

    let address = listener.local_addr().unwrap_or(listen);
    tracing::info!(%address, store = stores, "listening");
    let ended = Server::new(app).serve(listener, stop).await;
    tracing::info!(connections_cut = ended.connections_cut, "stopped");
    Ok(())
}

fn handler(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::setup(format!("cannot handle signals: {error}")))
}
