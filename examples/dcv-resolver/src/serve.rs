//! `serve`: answers the gateway's requests.
//!
//! | file | |
//! |---|---|
//! | `live.rs` | everything that a reload replaces |
//! | `routers.rs` | the routers for gateways and for operators |
//! | `caches.rs` | what the caches do, for the metrics |
//! | `session_files.rs`, `tokens.rs`, `tls.rs` | files that are followed |
//! | `listeners.rs` | sockets, opened or handed over |
//! | `reload.rs`, `restart.rs` | SIGHUP, and what it cannot change |
//! | `stop.rs` | SIGTERM and SIGINT |

mod caches;
mod listeners;
mod live;
mod reload;
mod restart;
mod routers;
mod session_files;
mod stop;
mod tls;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_ops::{ConnectionStats, Metrics};
use dcv_resolver_server::{Connections, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use self::listeners::Listeners;
use self::live::Live;
use self::stop::{Stop, StopSignals};
use self::tls::WatchedTls;
use crate::background::Background;
use crate::cli::ConfigOptions;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::log;

pub(crate) async fn run(options: ConfigOptions) -> Result<(), Failure> {
    // Before anything takes its time: it would end the process.
    let hangup = handler(SignalKind::hangup())?;
    let source = Source::new(options);
    let config = source.load()?;
    let logging = log::init(&config)?;
    let metrics = Metrics::new();
    metrics.set_build_info(env!("CARGO_PKG_VERSION"));

    let live = Live::start(&config, metrics.clone()).await?;
    let tls = WatchedTls::load(&config, &metrics)?;
    let listeners = Listeners::open(&config)?;
    let service = live.for_gateways();
    #[cfg(feature = "otel")]
    let service = crate::traces::ContinueTrace(service);
    let server = limited(Server::new(service), &config, tls.as_ref());
    let connections = server.connections();
    metrics.watch_connections(move || stats(&connections));

    let _watching = Background::start(live.readiness().clone().watch());
    let signals = StopSignals::catch()?;
    let stop = Stop::default();
    let _stopping = Background::start(stop.clone().on(signals, live.readiness().clone()));
    tracing::info!(
        address = address(&listeners.gateways),
        ops_address = listeners.operators.as_ref().and_then(address),
        tls = tls.is_some(),
        store = live.store_names(),
        "listening",
    );
    let all_answered = Arc::new(Notify::new());
    let operators = listeners.operators.map(|listener| {
        let server = Server::new(live.for_operators()).shutdown_grace(OPERATORS_GRACE);
        tokio::spawn(server.serve(listener, Arc::clone(&all_answered).notified_owned()))
    });
    let reloading = reload::on_signal(hangup, source, config, live, logging.level);
    let _reloading = Background::start(reloading);

    let ended = server
        .serve_with_shutdown(listeners.gateways, stop.begun(), stop.hurried())
        .await;
    // Until here somebody may want to know how the shutdown goes.
    all_answered.notify_one();
    if let Some(operators) = operators {
        let _ended = operators.await;
    }
    tracing::info!(connections_cut = ended.connections_cut, "stopped");
    #[cfg(feature = "otel")]
    if let Some(traces) = logging.traces {
        traces.finish().await;
    }
    Ok(())
}

/// What is asked there is answered at once.
const OPERATORS_GRACE: Duration = Duration::from_secs(1);

fn address(listener: &TcpListener) -> Option<String> {
    let address = listener.local_addr().ok()?;
    Some(address.to_string())
}

fn stats(connections: &Connections) -> ConnectionStats {
    let mut stats = ConnectionStats::default();
    stats.open = connections.open();
    stats.accepted = connections.accepted_total();
    stats.cut = connections.cut_total();
    stats.tls_handshakes_failed = connections.tls_handshakes_failed_total();
    stats
}

fn limited<S>(server: Server<S>, config: &Config, tls: Option<&WatchedTls>) -> Server<S> {
    let limits = &config.limits;
    let server = server
        .max_connections(limits.max_connections.count() as usize)
        .header_read_timeout(limits.header_read_timeout_ms.milliseconds())
        .idle_timeout(limits.idle_timeout_ms.milliseconds())
        .write_timeout(limits.write_timeout_ms.milliseconds())
        .drain(config.shutdown.drain_ms.milliseconds())
        .shutdown_grace(config.shutdown.grace_ms.milliseconds());
    match tls {
        Some(watched) => server.tls(watched.tls.clone()),
        None => server,
    }
}

/// Catches a signal from now on.
fn handler(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::setup(format!("cannot handle signals: {error}")))
}
