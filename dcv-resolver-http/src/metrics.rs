//! [`Metrics`]: what a resolver counts, for Prometheus.

mod caches;
mod histogram;
mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Resolver, Timestamp, Transport};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::ResolveQuery;
use crate::decision::{Decision, Outcome};
use crate::fold::Logged;
use crate::in_flight::InFlight;
pub use caches::CacheFigures;
use caches::Caches;
use histogram::Histogram;
use watched::Watched;

/// What a resolver counts and measures, as Prometheus text.
///
/// A value, nothing global: a program may have several. Clones count together.
/// No label holds what comes from a request, so the number of series is
/// bounded by the configuration.
///
/// | metric, after `dcv_resolver_` | labels | |
/// |---|---|---|
/// | `decisions_total` | `outcome`, `reason`, `transport`, `store` | requests, as [the log](crate#the-log) tells of them; `reason` is `none` where there is none, `transport` is `unknown` where the request was not or could not be read |
/// | `decision_duration_seconds` | `outcome` | from a request's arrival in the router to the decision |
/// | `stale_answer_age_seconds` | `store` | how old the record was that decided, where a cache served it because its store failed; the count of this histogram is that of such decisions |
/// | `in_flight_requests` | | requests being decided |
/// | `log_events_folded_total` | | failures that were counted rather than logged |
/// | `ready` | | 1 or 0, as [`ready`](Self::ready) was told last |
/// | `store_up` | `store` | 1 or 0, as [`store_up`](Self::store_up) was told last |
/// | `served_data_age_seconds` | `store` | see [`watch_age`](Self::watch_age) |
/// | `cache_lookups_total`, `cache_stale_total`, `cache_entries`, `cache_size_bytes`, `cache_confirmed_age_seconds` | `store`; of the first also `result` | see [`watch_cache`](Self::watch_cache); `result` is `hit`, `call` or `join` |
/// | `reloads_total` | `what`, `result` | see [`reloaded`](Self::reloaded); `result` is `ok` or `failed` |
/// | `certificate_expiry_timestamp_seconds` | `certificate` | see [`certificate_expires`](Self::certificate_expires) |
/// | `build_info` | `version` | always 1 |
/// | `connections_open`, `connections_accepted_total`, `connections_cut_total`, `tls_handshakes_failed_total` | | see [`watch_connections`](Self#method.watch_connections) |
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::{Metrics, ResolveServiceBuilder};
///
/// let metrics = Metrics::new();
/// let resolver = Resolver::new(MemoryStore::new());
/// let app: axum::Router = ResolveServiceBuilder::new(resolver).metrics(metrics.clone()).build();
///
/// // Wherever your service shows its metrics, as Metrics::CONTENT_TYPE:
/// assert!(metrics.render().contains("dcv_resolver_in_flight_requests 0\n"));
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    durations: Family<OutcomeLabel, Histogram, fn() -> Histogram>,
    stale_ages: Family<StoreLabel, Histogram, fn() -> Histogram>,
    folded: Counter,
    stores_up: Family<StoreLabel, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    certificate_expiry: Family<CertificateLabel, Gauge>,
    build_info: Family<VersionLabel, Gauge>,
    watched: Arc<Watched>,
    caches: Arc<Caches>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    outcome: &'static str,
    reason: &'static str,
    transport: &'static str,
    store: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StoreLabel {
    store: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: Arc<str>,
}

impl Metrics {
    /// What [`render`](Self::render) returns, as a `content-type`: OpenMetrics
    /// 1.0, which Prometheus reads since 2.5.
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Metrics that nothing has been counted in yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("dcv_resolver");
        let decisions = Family::default();
        let durations = Family::new_with_constructor(Histogram::of_decisions as fn() -> _);
        let stale_ages = Family::new_with_constructor(Histogram::of_outages as fn() -> _);
        let folded = Counter::default();
        let stores_up = Family::default();
        let reloads = Family::default();
        let certificate_expiry = Family::default();
        let build_info = Family::default();
        let watched = Arc::new(Watched::default());
        let caches = Arc::new(Caches::default());
        // A counter is exposed with `_total` behind its name, and each help
        // text with a full stop.
        registry.register(
            "decisions",
            "Requests, by what was decided, why, and from which store",
            Family::clone(&decisions),
        );
        registry.register_with_unit(
            "decision_duration",
            "From a request's arrival in the router to the decision",
            Unit::Seconds,
            Family::clone(&durations),
        );
        registry.register_with_unit(
            "stale_answer_age",
            "How old the record was that decided, where it was served because its store failed",
            Unit::Seconds,
            Family::clone(&stale_ages),
        );
        registry.register(
            "log_events_folded",
            "Failures that repeated an earlier one and were counted rather than logged",
            folded.clone(),
        );
        registry.register(
            "store_up",
            "Whether the store could be asked when it was last tried",
            Family::clone(&stores_up),
        );
        registry.register(
            "reloads",
            "Attempts to take over what has changed, by what it was and whether it succeeded",
            Family::clone(&reloads),
        );
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When the certificate expires, in seconds since 1970",
            Unit::Seconds,
            Family::clone(&certificate_expiry),
        );
        registry.register(
            "build_info",
            "The version that runs",
            Family::clone(&build_info),
        );
        registry.register_collector(Box::new(Arc::clone(&watched)));
        registry.register_collector(Box::new(Arc::clone(&caches)));
        Self(Arc::new(Inner {
            registry,
            decisions,
            durations,
            stale_ages,
            folded,
            stores_up,
            reloads,
            certificate_expiry,
            build_info,
            watched,
            caches,
        }))
    }

    /// All metrics as OpenMetrics text, of type
    /// [`CONTENT_TYPE`](Self::CONTENT_TYPE).
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &self.0.registry) {
            // Nothing that is written to a String fails. If it did, the end
            // mark would be missing, and Prometheus would refuse the text.
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }

    /// Tells which version runs.
    pub fn build_info(&self, version: &str) {
        let version = version.into();
        self.0
            .build_info
            .get_or_create(&VersionLabel { version })
            .set(1);
    }

    /// Counts an attempt to take over a change of `what`: `sessions`, `tls`,
    /// `config` or `tokens`.
    pub fn reloaded(&self, what: &'static str, ok: bool) {
        let result = if ok { "ok" } else { "failed" };
        self.0
            .reloads
            .get_or_create(&ReloadLabels { what, result })
            .inc();
    }

    /// Tells when a certificate expires: `server`, or `client_ca`.
    pub fn certificate_expires(&self, certificate: &'static str, at: Timestamp) {
        self.0
            .certificate_expiry
            .get_or_create(&CertificateLabel { certificate })
            .set(at.as_unix_ms().div_euclid(1000));
    }

    /// Shows how old the data is that `store` serves. `age` is called for each
    /// [`render`](Self::render), and must return at once; `None` where the
    /// store serves nothing yet. A second one for the same store replaces the
    /// first.
    pub fn watch_age(
        &self,
        store: impl Into<Arc<str>>,
        age: impl Fn() -> Option<Duration> + Send + Sync + 'static,
    ) {
        self.0.watched.age(store.into(), Arc::new(age));
    }

    /// Shows what a cache in front of `store` has done. `figures` is called for
    /// each [`render`](Self::render), and must return at once. A second one for
    /// the same store replaces the first.
    ///
    /// `cache_confirmed_age_seconds` is shown while changes in the store are
    /// told: what is served is no older than that.
    pub fn watch_cache(
        &self,
        store: impl Into<Arc<str>>,
        figures: impl Fn() -> CacheFigures + Send + Sync + 'static,
    ) {
        self.0.caches.watch(store.into(), Arc::new(figures));
    }

    /// Shows a cache in front of `store` no longer: there is none any more.
    pub fn forget_cache(&self, store: &str) {
        self.0.caches.forget(store);
    }

    /// Shows the connections of a server, whose
    /// [`Server::connections`](crate::server::Server::connections) these are.
    /// Those of a second one replace them.
    #[cfg(feature = "server")]
    pub fn watch_connections(&self, connections: crate::server::Connections) {
        self.0.watched.connections(connections);
    }

    /// Tells whether `store` could be asked when it was last tried.
    pub fn store_up(&self, store: impl Into<Arc<str>>, up: bool) {
        let store = store.into();
        self.0
            .stores_up
            .get_or_create(&StoreLabel { store })
            .set(up.into());
    }

    /// Shows no longer whether `store` is up, how old its data is and what its
    /// cache does: it is not asked any more. What was decided from it stays
    /// counted.
    pub fn forget_store(&self, store: impl Into<Arc<str>>) {
        let store = store.into();
        self.0.watched.forget_age(&store);
        self.forget_cache(&store);
        self.forget_store_up(store);
    }

    pub(crate) fn forget_store_up(&self, store: Arc<str>) {
        self.0.stores_up.remove(&StoreLabel { store });
    }

    /// Tells whether the resolver is ready.
    pub fn ready(&self, ready: bool) {
        self.0.watched.ready(ready);
    }

    /// Prepares what a router over `resolver` counts.
    pub(crate) fn of_router(
        &self,
        resolver: &Resolver,
        in_flight: &Arc<InFlight>,
    ) -> DecisionMetrics {
        self.0.watched.in_flight(in_flight);
        let found = resolver
            .stores()
            .iter()
            .map(|store| {
                let counter = |transport: Transport| {
                    self.0.decisions.get_or_create_owned(&DecisionLabels {
                        outcome: Outcome::Found.as_str(),
                        reason: NO_REASON,
                        transport: transport.as_str(),
                        store: Arc::clone(store.name()),
                    })
                };
                Found {
                    http: counter(Transport::Http),
                    quic: counter(Transport::Quic),
                    store: Arc::clone(store.name()),
                }
            })
            .collect();
        DecisionMetrics {
            metrics: self.clone(),
            found,
            all_stores: resolver.store_name().into(),
            durations: Outcome::ALL.map(|outcome| {
                let outcome = outcome.as_str();
                self.0
                    .durations
                    .get_or_create_owned(&OutcomeLabel { outcome })
            }),
        }
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

/// The reason of a decision that has none.
const NO_REASON: &str = "none";

/// What one router counts. The counters of its answers are found once, when it
/// is built; those of everything else are looked up by their labels.
#[derive(Debug)]
pub(crate) struct DecisionMetrics {
    metrics: Metrics,
    found: Vec<Found>,
    all_stores: Arc<str>,
    /// In the order of [`Outcome::ALL`].
    durations: [Histogram; Outcome::ALL.len()],
}

#[derive(Debug)]
struct Found {
    store: Arc<str>,
    http: Counter,
    quic: Counter,
}

impl DecisionMetrics {
    pub(crate) fn count(&self, decision: &Decision<'_>, logged: Logged) {
        let outcome = decision.outcome();
        if let Some(duration) = self.durations.get(outcome as usize) {
            duration.observe(decision.elapsed);
        }
        let transport = decision
            .query
            .map(ResolveQuery::request)
            .map(|request| request.transport());
        let store = self
            .found
            .iter()
            .find(|found| *found.store == *decision.store);
        match (outcome, store, transport) {
            (Outcome::Found, Some(found), Some(Transport::Http)) => found.http.inc(),
            (Outcome::Found, Some(found), Some(Transport::Quic)) => found.quic.inc(),
            _ => self
                .metrics
                .0
                .decisions
                .get_or_create(&DecisionLabels {
                    outcome: outcome.as_str(),
                    reason: decision
                        .problem()
                        .map_or(NO_REASON, |problem| problem.reason()),
                    transport: transport.map_or("unknown", |transport| transport.as_str()),
                    store: Arc::clone(store.map_or(&self.all_stores, |found| &found.store)),
                })
                .inc(),
        };
        if let Some(age) = decision.stale_age {
            let store = Arc::clone(store.map_or(&self.all_stores, |found| &found.store));
            self.metrics
                .0
                .stale_ages
                .get_or_create(&StoreLabel { store })
                .observe(age);
        }
        if logged == Logged::Folded {
            self.metrics.0.folded.inc();
        }
    }
}
