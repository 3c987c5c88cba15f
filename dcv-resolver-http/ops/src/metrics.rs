//! [`Metrics`]: the metrics of a resolver, for Prometheus.

mod agent;
mod caches;
mod connections;
mod format;
mod labels;
mod process;
mod sampled;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{CacheStats, Resolver, Timestamp, Transport};
use dcv_resolver_http::{Decision, DecisionObserver, DecisionOutcome, InFlight};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::readiness::Readiness;
use agent::Agent;
pub use agent::AgentStats;
use caches::Caches;
pub use connections::ConnectionStats;
use connections::Connections;
pub use format::MetricsFormat;
use labels::{
    AdminLabels, CertificateLabel, DecisionLabels, OutcomeLabel, ReloadLabels, StoreLabel,
    VersionLabel,
};
use process::Process;
use sampled::Sampled;

/// The metrics of a resolver, for Prometheus.
///
/// This is a [`DecisionObserver`] without global state: a program may have
/// several. Clones share the counters. No label contains text from a request,
/// so the configuration limits the number of series.
///
/// | metric, after `dcv_resolver_` | labels | |
/// |---|---|---|
/// | `decisions_total` | `outcome`, `reason`, `transport`, `store`, `policy` | requests, as in [the log](dcv_resolver_http#the-log); `none` if there is no reason, store or policy; `transport` is `unknown` if the request was not read |
/// | `decision_duration_seconds` | `outcome` | from a request's arrival to the decision |
/// | `stale_answer_age_seconds` | `store` | the age of records that a cache served because its store failed; the count of this histogram is the number of such decisions |
/// | `in_flight_requests` | | [`watch_in_flight`](Self::watch_in_flight) |
/// | `log_events_suppressed_total` | | events that a [`LogDeduplicator`](crate::LogDeduplicator) counted and did not log |
/// | `log_lines_dropped_total` | | [`watch_dropped_log_lines`](Self::watch_dropped_log_lines) |
/// | `ready` | | 1 or 0: [`watch_readiness`](Self::watch_readiness) |
/// | `store_up` | `store` | 1 or 0: [`watch_readiness`](Self::watch_readiness) |
/// | `store_writable` | `store` | 1 or 0: [`Readiness::watch_registries`] |
/// | `admin_requests_total` | `action`, `outcome` | [`count_admin_request`](Self::count_admin_request) |
/// | `store_warnings` | `store` | how many [warnings](Readiness::set_warnings) there are: [`watch_readiness`](Self::watch_readiness) |
/// | `served_data_age_seconds` | `store` | [`watch_age`](Self::watch_age) |
/// | `cache_lookups_total` | `store`, `result` | [`watch_cache`](Self::watch_cache); `result` is `hit`, `load` or `coalesced` |
/// | `cache_stale_total`, `cache_entries`, `cache_size_bytes`, `cache_confirmed_age_seconds` | `store` | [`watch_cache`](Self::watch_cache) |
/// | `reloads_total` | `what`, `result` | [`count_reload`](Self::count_reload); `result` is `ok` or `failed` |
/// | `sessions_swept_total` | `store` | [`count_swept`](Self::count_swept) |
/// | `certificate_expiry_timestamp_seconds` | `certificate` | [`set_certificate_expiry`](Self::set_certificate_expiry) |
/// | `agent_sessions` | `state` | [`watch_agent`](Self::watch_agent) |
/// | `agent_rounds_total` | `result` | [`watch_agent`](Self::watch_agent) |
/// | `build_info` | `version` | always 1: [`set_build_info`](Self::set_build_info) |
/// | `connections_open`, `connections_max`, `connections_accepted_total`, `connections_evicted_total`, `connections_aborted_total` | `listener` | [`watch_connections`](Self::watch_connections) |
/// | `connections_refused_total`, `connections_failed_total`, `tls_handshakes_failed_total` | `listener`, `cause` | [`watch_connections`](Self::watch_connections) |
///
/// [`render`](Self::render) also shows the metrics of the process that every
/// [client library](https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics)
/// has, such as `process_cpu_seconds_total` and `process_open_fds`, on Linux.
///
/// A service with its own [`Registry`] registers the metrics there, without
/// those of the process:
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ResolveService;
/// use dcv_resolver_ops::Metrics;
/// use dcv_resolver_ops::prometheus_client::registry::Registry;
///
/// let metrics = Metrics::new();
/// let resolver = Resolver::new(MemoryStore::new());
/// let service = ResolveService::builder(resolver).observer(metrics.clone()).build();
/// metrics.watch_in_flight(service.in_flight());
///
/// let mut registry = Registry::default();
/// metrics.register(&mut registry);
/// ```
/// Other services serve the text that [`render`](Self::render) returns, or the
/// router of [`OpsBuilder`](crate::OpsBuilder).
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    decisions: Family<DecisionLabels, Counter>,
    durations: Family<OutcomeLabel, Histogram, fn() -> Histogram>,
    stale_ages: Family<StoreLabel, Histogram, fn() -> Histogram>,
    suppressed: Counter,
    reloads: Family<ReloadLabels, Counter>,
    swept: Family<StoreLabel, Counter>,
    certificate_expiry: Family<CertificateLabel, Gauge>,
    build_info: Family<VersionLabel, Gauge>,
    admin_requests: Family<AdminLabels, Counter>,
    process: Arc<Process>,
    sampled: Arc<Sampled>,
    caches: Arc<Caches>,
    agent: Arc<Agent>,
    connections: Arc<Connections>,
    /// [`NONE`], so that no request allocates it.
    none: Arc<str>,
}

impl Metrics {
    /// Creates metrics with all counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            decisions: Family::default(),
            durations: Family::new_with_constructor(decision_durations as fn() -> _),
            stale_ages: Family::new_with_constructor(stale_ages as fn() -> _),
            suppressed: Counter::default(),
            reloads: Family::default(),
            swept: Family::default(),
            certificate_expiry: Family::default(),
            build_info: Family::default(),
            admin_requests: Family::default(),
            process: Arc::new(Process::new()),
            sampled: Arc::default(),
            caches: Arc::default(),
            agent: Arc::default(),
            connections: Arc::default(),
            none: NONE.into(),
        }))
    }

    /// Registers all metrics in `registry`, with the prefix `dcv_resolver`.
    ///
    /// The parameter is the registry of [`prometheus_client`] on purpose: a new
    /// major version of that crate means a new major version of this one.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("dcv_resolver");
        let inner = &self.0;
        // The encoder adds `_total` to the name of a counter and a full stop to
        // each help text.
        registry.register(
            "decisions",
            "Requests, by what was decided, why, and by which store and policy",
            Family::clone(&inner.decisions),
        );
        registry.register_with_unit(
            "decision_duration",
            "From a request's arrival to the decision",
            Unit::Seconds,
            Family::clone(&inner.durations),
        );
        registry.register_with_unit(
            "stale_answer_age",
            "How old the record was that decided, if it was served because its store failed",
            Unit::Seconds,
            Family::clone(&inner.stale_ages),
        );
        registry.register(
            "log_events_suppressed",
            "Decisions that repeated an earlier one and were counted rather than logged",
            inner.suppressed.clone(),
        );
        registry.register(
            "reloads",
            "Reloads, by what was reloaded and whether it succeeded",
            Family::clone(&inner.reloads),
        );
        registry.register(
            "sessions_swept",
            "Sessions that were removed some time after they had expired",
            Family::clone(&inner.swept),
        );
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the certificate expires, in seconds since 1970",
            Unit::Seconds,
            Family::clone(&inner.certificate_expiry),
        );
        registry.register(
            "build_info",
            "The version that runs",
            Family::clone(&inner.build_info),
        );
        registry.register(
            "admin_requests",
            "Requests to the admin API, by what was asked for and what became of it",
            Family::clone(&inner.admin_requests),
        );
        registry.register_collector(Box::new(Arc::clone(&inner.sampled)));
        registry.register_collector(Box::new(Arc::clone(&inner.caches)));
        registry.register_collector(Box::new(Arc::clone(&inner.connections)));
        registry.register_collector(Box::new(Arc::clone(&inner.agent)));
    }

    /// Returns all metrics, and those of the process, in `format`.
    ///
    /// This takes milliseconds if there are many series, and reads files of the
    /// operating system.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "writing to a String does not fail"
    )]
    pub fn render(&self, format: MetricsFormat) -> String {
        let mut registry = Registry::default();
        self.register(&mut registry);
        registry.register_collector(Box::new(Arc::clone(&self.0.process)));
        format
            .encode(&registry)
            .expect("writing to a String does not fail")
    }

    /// Creates the series of found sessions of each store of `resolver`, and of
    /// the duration of each outcome, at zero, so that a rate includes the first
    /// decision. [`OpsBuilder::build`](crate::OpsBuilder::build) calls this.
    pub fn init_decisions(&self, resolver: &Resolver) {
        for store in resolver.stores() {
            for transport in [Transport::Http, Transport::Quic] {
                let found = DecisionLabels {
                    outcome: DecisionOutcome::Found.as_str(),
                    reason: NONE,
                    transport: transport.as_str(),
                    store: Arc::clone(store.name()),
                    policy: Arc::clone(&self.0.none),
                };
                drop(self.0.decisions.get_or_create(&found));
            }
        }
        for outcome in DecisionOutcome::ALL {
            let outcome = outcome.as_str();
            drop(self.0.durations.get_or_create(&OutcomeLabel { outcome }));
        }
    }

    /// Shows whether the process is ready, and which stores answered their last
    /// ping. Replaces the readiness of an earlier call.
    /// [`OpsBuilder::build`](crate::OpsBuilder::build) calls this.
    pub fn watch_readiness(&self, readiness: &Readiness) {
        self.0.sampled.set_readiness(readiness.clone());
    }

    /// Shows how many requests are being decided: the sum over every service
    /// that was added and is alive. See
    /// [`ResolveService::in_flight`](dcv_resolver_http::ResolveService::in_flight).
    pub fn watch_in_flight(&self, in_flight: InFlight) {
        self.0.sampled.add_in_flight(in_flight);
    }

    /// Shows the connections of a server, such as the one for `gateways`.
    /// `connections` is called each time the metrics are shown and must not
    /// block. Replaces an earlier function for the same `listener`.
    pub fn watch_connections(
        &self,
        listener: &'static str,
        connections: impl Fn() -> ConnectionStats + Send + Sync + 'static,
    ) {
        self.0.connections.watch(listener, Arc::new(connections));
    }

    /// Shows how many lines of the log could not be written. `dropped` is
    /// called each time the metrics are shown and must not block. Replaces an
    /// earlier function.
    pub fn watch_dropped_log_lines(&self, dropped: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.sampled.set_dropped_log_lines(Arc::new(dropped));
    }

    /// Shows the age of the data that `store` serves. `age` is called each time
    /// the metrics are shown and must not block; it returns `None` if the store
    /// serves nothing yet. Replaces an earlier function for the same store.
    pub fn watch_age(
        &self,
        store: impl Into<Arc<str>>,
        age: impl Fn() -> Option<Duration> + Send + Sync + 'static,
    ) {
        self.0.sampled.set_age(store.into(), Arc::new(age));
    }

    /// Shows the statistics of a cache in front of `store`. `stats` is called
    /// each time the metrics are shown and must not block. Replaces an earlier
    /// function for the same store.
    ///
    /// With the `CachedStore` of `dcv-resolver-cache`, call
    /// `metrics.watch_cache("agents", move || monitor.stats())`.
    pub fn watch_cache(
        &self,
        store: impl Into<Arc<str>>,
        stats: impl Fn() -> CacheStats + Send + Sync + 'static,
    ) {
        self.0.caches.watch(store.into(), Arc::new(stats));
    }

    /// Shows the work of an agent, which registers the sessions of a DCV
    /// server. `stats` is called each time the metrics are shown and must not
    /// block. Replaces an earlier function.
    pub fn watch_agent(&self, stats: impl Fn() -> AgentStats + Send + Sync + 'static) {
        self.0.agent.watch(Arc::new(stats));
    }

    /// Removes the cache in front of `store` from the metrics, as after a
    /// reload without it.
    pub fn remove_cache(&self, store: &str) {
        self.0.caches.remove(store);
    }

    /// Removes the age of the data of `store` and its cache from the metrics,
    /// as after a reload without it. Its decisions stay counted.
    pub fn remove_store(&self, store: &str) {
        self.0.sampled.remove_age(store);
        self.remove_cache(store);
    }

    /// Counts a reload of `what`, such as `sessions`, `tls`, `config` or
    /// `tokens`.
    pub fn count_reload(&self, what: &'static str, succeeded: bool) {
        let result = if succeeded { "ok" } else { "failed" };
        self.0
            .reloads
            .get_or_create(&ReloadLabels { what, result })
            .inc();
    }

    /// Counts sessions that a sweep removed from `store`.
    pub fn count_swept(&self, store: impl Into<Arc<str>>, removed: u64) {
        let store = store.into();
        self.0
            .swept
            .get_or_create(&StoreLabel { store })
            .inc_by(removed);
    }

    /// Counts a request to the admin API: `action` is the operation, such as
    /// `register`, or `none`; `outcome` is `done`, `refused`, `failed` or
    /// `abandoned`. Both must come from a fixed set.
    pub fn count_admin_request(&self, action: &str, outcome: &'static str) {
        let action = action.into();
        self.0
            .admin_requests
            .get_or_create(&AdminLabels { action, outcome })
            .inc();
    }

    /// Shows when a certificate expires. `certificate` is its label, such as
    /// `server` or `client_ca`.
    pub fn set_certificate_expiry(&self, certificate: &'static str, at: Timestamp) {
        self.0
            .certificate_expiry
            .get_or_create(&CertificateLabel { certificate })
            .set(at.as_unix_ms().div_euclid(1000));
    }

    /// Shows which version is running.
    pub fn set_build_info(&self, version: &str) {
        let version = version.into();
        self.0
            .build_info
            .get_or_create(&VersionLabel { version })
            .set(1);
    }

    pub(crate) fn count_suppressed(&self) {
        self.0.suppressed.inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The value of a label that does not apply.
const NONE: &str = "none";

impl DecisionObserver for Metrics {
    fn on_decision(&self, decision: &Decision) {
        let outcome = decision.outcome().as_str();
        let or_none = |name: &Option<Arc<str>>| Arc::clone(name.as_ref().unwrap_or(&self.0.none));
        let transport = decision
            .request
            .as_ref()
            .map_or("unknown", |request| request.transport().as_str());
        self.0
            .durations
            .get_or_create(&OutcomeLabel { outcome })
            .observe(decision.elapsed.as_secs_f64());
        self.0
            .decisions
            .get_or_create(&DecisionLabels {
                outcome,
                reason: decision.reason().unwrap_or(NONE),
                transport,
                store: or_none(&decision.store),
                policy: or_none(&decision.policy),
            })
            .inc();
        if let Some(age) = decision.stale_age() {
            self.0
                .stale_ages
                .get_or_create(&StoreLabel {
                    store: or_none(&decision.store),
                })
                .observe(age.as_secs_f64());
        }
    }
}

/// From the time of a store in memory to more than the default time budget.
fn decision_durations() -> Histogram {
    Histogram::new([
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    ])
}

/// From a second to a day.
fn stale_ages() -> Histogram {
    Histogram::new([
        1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
    ])
}
