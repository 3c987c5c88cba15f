//! `serve`: answers the gateway's requests.
//!
//! | file | |
//! |---|---|
//! | `services.rs` | the services for gateways and for operators |
//! | `reloadable_services.rs` | the same, replaced by a reload |
//! | `resources.rs` | the stores and files that are open behind them |
//! | `open_stores.rs` | the stores that the end of the process closes |
//! | `caches.rs` | the statistics of the caches, for the metrics |
//! | `watched_session_files.rs`, `watched_tokens.rs`, `watched_tls.rs` | files that are read again when they change |
//! | `listeners.rs` | sockets, opened or passed by a service manager |
//! | `reload.rs`, `restart.rs` | SIGHUP, and which keys need a restart; closed stores, tried again |
//! | `sweeper.rs` | removes sessions that expired long ago |
//! | `open_files.rs` | the limit on open files |
//! | `shutdown.rs`, `signals.rs` | SIGTERM and SIGINT |

mod caches;
mod listeners;
mod open_files;
mod open_stores;
mod reload;
mod reloadable_services;
mod resources;
mod restart;
mod services;
mod shutdown;
mod signals;
mod sweeper;
mod watched_session_files;
mod watched_tls;
mod watched_tokens;

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_ops::{ConnectionStats, Metrics};
use dcv_resolver_server::{Connections, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::Notify;

use self::listeners::Listeners;
use self::reloadable_services::ReloadableServices;
use self::shutdown::{Shutdown, ShutdownSignals};
use self::watched_tls::{Listener, WatchedTls};
use crate::background_task::BackgroundTask;
use crate::cli::ConfigOptions;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::log::LogFilter;
use crate::{cli, file_modes, log, traces};

pub(crate) async fn run(options: ConfigOptions) -> Result<(), Failure> {
    // First, since an early SIGHUP would end the process.
    let hangup = signals::catch(SignalKind::hangup())?;
    let source = Source::new(options);
    let config = source.load()?;
    let logging = log::init(&config)?;
    let metrics = Metrics::new();
    metrics.set_build_info(env!("CARGO_PKG_VERSION"));
    let writer = logging.writer.clone();
    metrics.watch_dropped_log_lines(move || writer.dropped_lines());

    let warnings = file_modes::warnings(&config, source.file());
    for warning in warnings.into_iter().chain(cli::warnings()) {
        tracing::warn!("{warning}");
    }

    let services = ReloadableServices::start(&config, metrics.clone()).await?;
    let stores = services.open_stores();
    let served = serve(hangup, source, config, services, metrics, logging.filter).await;
    // Also after a failure: a database file alone holds every session then.
    stores.close().await;
    if let Some(traces) = logging.traces {
        traces.finish().await;
    }
    served
}

/// Serves until a signal, or fails to begin.
async fn serve(
    hangup: Signal,
    source: Source,
    config: Config,
    services: ReloadableServices,
    metrics: Metrics,
    filter: LogFilter,
) -> Result<(), Failure> {
    let tls = WatchedTls::load(Listener::Gateways, &config, &metrics)?;
    let ops_tls = WatchedTls::load(Listener::Operators, &config, &metrics)?;
    let listeners = Listeners::open(&config)?;
    let ops_address = listeners.ops_address();
    if let Some(address) = ops_address
        && let Some(refusal) = config.plaintext_admin(address, ops_tls.is_some())
    {
        return Err(Failure::setup(refusal));
    }
    let server = Server::new(traces::continue_trace(services.for_gateways()));
    let server = limited(server, &config, tls.as_ref());
    let connections = server.connections();
    metrics.watch_connections(move || stats(&connections));

    let readiness = services.readiness();
    let _pings = BackgroundTask::spawn(readiness.clone().watch());
    let signals = ShutdownSignals::catch()?;
    let shutdown = Shutdown::default();
    let _shutdown = BackgroundTask::spawn(shutdown.clone().on(signals, readiness.clone()));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = address(&listeners.gateways),
        ops_address = ops_address.map(|address| address.to_string()),
        tls = tls.is_some(),
        ops_tls = ops_tls.is_some(),
        store = services.store_names(),
        "listening",
    );
    open_files::warn_if_too_few(
        config.limits.max_connections.into(),
        OPERATORS_MAX_CONNECTIONS as u64,
    );
    let all_answered = Arc::new(Notify::new());
    let operators = listeners.operators.map(|listener| {
        let server = Server::new(services.for_operators())
            .max_connections(OPERATORS_MAX_CONNECTIONS)
            .shutdown_grace(OPERATORS_GRACE);
        let server = with_tls(server, ops_tls.as_ref());
        tokio::spawn(server.serve(listener, Arc::clone(&all_answered).notified_owned()))
    });
    let reloading = reload::on_signal(hangup, source, config, ops_address, services, filter);
    let _reload = BackgroundTask::spawn(reloading);

    let ended = server
        .serve_with_shutdown(listeners.gateways, shutdown.begun(), shutdown.cut_short())
        .await;
    // Until here, operators can monitor the shutdown.
    all_answered.notify_one();
    if let Some(operators) = operators {
        let _ended = operators.await;
    }
    tracing::info!(connections_cut = ended.connections_cut, "stopped");
    Ok(())
}

/// Operators' requests are short.
const OPERATORS_GRACE: Duration = Duration::from_secs(1);
/// Enough for an agent on each of many hosts.
const OPERATORS_MAX_CONNECTIONS: usize = 4096;

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
    with_tls(server, tls)
}

fn with_tls<S>(server: Server<S>, tls: Option<&WatchedTls>) -> Server<S> {
    match tls {
        Some(watched) => server.tls(watched.tls.clone()),
        None => server,
    }
}
