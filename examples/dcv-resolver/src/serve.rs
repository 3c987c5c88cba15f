//! `serve`: answers the gateway's requests.
//!
//! | file | |
//! |---|---|
//! | `services.rs` | the services for gateways and for operators |
//! | `reloadable_services.rs` | the same, replaced by a reload |
//! | `allowed_callers.rs` | the networks that may connect, replaced by a reload |
//! | `resources.rs` | the stores and files that are open behind them |
//! | `open_stores.rs` | the stores that the end of the process closes |
//! | `caches.rs` | the statistics of the caches, for the metrics |
//! | `watched_session_files.rs`, `watched_tokens.rs`, `watched_tls.rs` | files that are read again when they change |
//! | `watched_warnings.rs` | what is likely to lose sessions though the stores answer |
//! | `listeners.rs` | sockets, opened or passed by a service manager |
//! | `reload.rs`, `restart.rs` | SIGHUP, and which keys need a restart; closed stores, tried again |
//! | `sweeper.rs` | removes sessions that expired long ago |
//! | `open_files.rs` | the limit on open files |
//! | `shutdown.rs`, `signals.rs` | SIGTERM and SIGINT |

mod allowed_callers;
mod bound;
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
mod watched_warnings;

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_ops::{ConnectionStats, Metrics};
use dcv_resolver_server::{Connections, Server};
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::Notify;

use self::allowed_callers::AllowedCallers;
use self::bound::Bound;
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
    let logging = log::init(&config.log, &config.telemetry)?;
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
    let listeners = Listeners::open(&config).await?;
    let bound = Bound::new(&listeners, ops_tls.is_some());
    bound.check(&config)?;
    let server = Server::new(traces::continue_trace(services.for_gateways()));
    let server = for_gateways(server, &config, services.allowed_callers(), tls.as_ref());
    watch("gateways", &server, &metrics);

    let readiness = services.readiness();
    let _pings = BackgroundTask::spawn(readiness.watch());
    let signals = ShutdownSignals::catch()?;
    let shutdown = Shutdown::default();
    let _shutdown = BackgroundTask::spawn(shutdown.clone().on(signals, readiness.clone()));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = listeners.gateways.address,
        ops_address = listeners.operators.as_ref().map(|open| &*open.address),
        tls = tls.is_some(),
        ops_tls = ops_tls.is_some(),
        store = services.store_names(),
        "listening",
    );
    open_files::warn_if_too_few(
        config.limits.max_connections.into(),
        config.limits.max_connections.into(),
    );
    let all_answered = Arc::new(Notify::new());
    let Listeners {
        gateways,
        operators,
    } = listeners;
    let operators = operators.map(|open| {
        let server = limited(Server::new(services.for_operators()), &config);
        let server = with_tls(server.shutdown_grace(OPERATORS_GRACE), ops_tls.as_ref());
        watch("operators", &server, &metrics);
        let ended = Arc::clone(&all_answered).notified_owned();
        tokio::spawn(async move {
            server.serve(open.listener, ended).await;
            drop(open.file);
        })
    });
    let reloading = reload::on_signal(hangup, source, config, bound, services, filter);
    let _reload = BackgroundTask::spawn(reloading);

    let ended = server
        .serve_with_shutdown(gateways.listener, shutdown.begun(), shutdown.cut_short())
        .await;
    drop(gateways.file);
    // Until here, operators can monitor the shutdown.
    all_answered.notify_one();
    if let Some(operators) = operators {
        let _ended = operators.await;
    }
    tracing::info!(connections_aborted = ended.connections_aborted, "stopped");
    Ok(())
}

/// Operators' requests are short.
const OPERATORS_GRACE: Duration = Duration::from_secs(1);

/// How many callers that are not allowed get their 403 at the same time. Further
/// ones are closed without an answer.
const ANSWERED_REFUSALS: usize = 64;

fn watch<S>(listener: &'static str, server: &Server<S>, metrics: &Metrics) {
    let connections = server.connections();
    metrics.watch_connections(listener, move || stats(&connections));
}

fn stats(connections: &Connections) -> ConnectionStats {
    let mut stats = ConnectionStats::default();
    stats.max = connections.max();
    stats.open = connections.open();
    stats.accepted = connections.accepted_total();
    stats.evicted = connections.evicted_total();
    stats.aborted = connections.aborted_total();
    stats.refused = connections.refused_by_cause().collect();
    stats.failed = connections.failed_by_cause().collect();
    stats.tls_handshakes_failed = connections.tls_handshakes_failed_by_cause().collect();
    stats
}

fn for_gateways<S>(
    server: Server<S>,
    config: &Config,
    allowed_callers: AllowedCallers,
    tls: Option<&WatchedTls>,
) -> Server<S> {
    let mut server = limited(server, config)
        .allowed_peers(move |caller| allowed_callers.contain(caller))
        .max_answered_refusals(ANSWERED_REFUSALS)
        .drain(config.shutdown.drain_ms.milliseconds())
        .shutdown_grace(config.shutdown.grace_ms.milliseconds());
    if let Some(proxy_protocol) = &config.proxy_protocol {
        let from = proxy_protocol.from.clone();
        server =
            server.proxy_protocol(move |peer| from.iter().any(|network| network.contains(peer)));
    }
    with_tls(server, tls)
}

fn with_tls<S>(server: Server<S>, tls: Option<&WatchedTls>) -> Server<S> {
    match tls {
        Some(watched) => server.tls(watched.tls.clone()),
        None => server,
    }
}

/// Sets the limits of both listeners.
fn limited<S>(server: Server<S>, config: &Config) -> Server<S> {
    let limits = &config.limits;
    let server = server
        .max_connections(limits.max_connections.count() as usize)
        .header_read_timeout(limits.header_read_timeout_ms.milliseconds())
        .idle_timeout(limits.idle_timeout_ms.milliseconds())
        .write_timeout(limits.write_timeout_ms.milliseconds());
    match limits.max_connections_per_peer {
        Some(limit) => server.max_connections_per_peer(limit.count() as usize),
        None => server,
    }
}
