//! [`ReloadableServices`]: the services, and what a reload replaces.

use std::sync::Arc;

use axum::Router;
use dcv_resolver_http::{ReloadableService, ResolveService};
use dcv_resolver_ops::{Metrics, Readiness, RecentDecisions};

use super::allowed_callers::AllowedCallers;
use super::open_stores::OpenStores;
use super::resources::Resources;
use super::services::Services;
use super::sweeper::Sweeper;
use super::watched_warnings::WatchedWarnings;
use crate::config::Config;
use crate::failure::Failure;
use crate::store_chain::{ChainedStore, Unopened};

/// The services for gateways and for operators, and what is behind them.
#[derive(Debug)]
pub(super) struct ReloadableServices {
    gateways: ReloadableService<ResolveService>,
    operators: ReloadableService<Router>,
    allowed_callers: AllowedCallers,
    metrics: Metrics,
    readiness: Readiness,
    recent: RecentDecisions,
    resources: Resources,
    open_stores: OpenStores,
    _sweeper: Option<Sweeper>,
    _warnings: WatchedWarnings,
}

impl ReloadableServices {
    /// Opens the stores and files of `config`, and builds the services. A store
    /// that cannot be opened is an outage of this store: see
    /// [`open_closed_stores`](Self::open_closed_stores).
    pub(super) async fn start(config: &Config, metrics: Metrics) -> Result<Self, Failure> {
        let resources = Resources::default()
            .reopen(config, Unopened::Close, &metrics)
            .await?;
        let open_stores = OpenStores::new(resources.chain.clone());
        let started = Self::with(config, resources, open_stores.clone(), metrics);
        if started.is_err() {
            open_stores.close().await;
        }
        started
    }

    fn with(
        config: &Config,
        resources: Resources,
        open_stores: OpenStores,
        metrics: Metrics,
    ) -> Result<Self, Failure> {
        let resolver = resources.chain.resolver(config)?;
        let readiness = Readiness::new(&resolver);
        readiness.watch_stores(&resolver, optional(config));
        readiness.watch_registries(resources.written_store(config)?);
        let recent = RecentDecisions::new();
        let services =
            Services::build(config, resolver, &resources, &readiness, &metrics, &recent)?;
        services.show(&metrics);
        resources.show(&metrics);
        let sweeper = Sweeper::start(config, &resources.chain, &metrics);
        let warnings = WatchedWarnings::start(&resources.chain, &readiness);
        Ok(Self {
            gateways: ReloadableService::new(services.gateways),
            operators: ReloadableService::new(services.operators),
            allowed_callers: AllowedCallers::new(config),
            metrics,
            readiness,
            recent,
            open_stores,
            resources,
            _sweeper: sweeper,
            _warnings: warnings,
        })
    }

    pub(super) fn for_gateways(&self) -> ReloadableService<ResolveService> {
        self.gateways.clone()
    }

    pub(super) fn for_operators(&self) -> ReloadableService<Router> {
        self.operators.clone()
    }

    pub(super) fn open_stores(&self) -> OpenStores {
        self.open_stores.clone()
    }

    pub(super) fn allowed_callers(&self) -> AllowedCallers {
        self.allowed_callers.clone()
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Returns the names of the stores, in the order in which they are asked.
    pub(super) fn store_names(&self) -> String {
        let names = self.resources.chain.stores().iter();
        let names: Vec<_> = names.map(ChainedStore::name).collect();
        names.join(",")
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Applies `config`, or changes nothing if this fails.
    pub(super) async fn apply(&mut self, config: &Config) -> Result<(), Failure> {
        let resources = self
            .resources
            .reopen(config, Unopened::Fail, &self.metrics)
            .await?;
        self.replace_or_close(config, resources).await
    }

    /// Returns whether a store could not be opened.
    pub(super) fn has_closed_stores(&self) -> bool {
        self.resources.chain.closed_count() > 0
    }

    /// Tries again to open the stores of `config`, the configuration that was
    /// applied last, that could not be opened. Returns whether one was.
    pub(super) async fn open_closed_stores(&mut self, config: &Config) -> Result<bool, Failure> {
        let resources = self
            .resources
            .reopen(config, Unopened::Fail, &self.metrics)
            .await?;
        // The limits of the services start from zero when they are replaced.
        let opened = resources.chain.closed_count() < self.resources.chain.closed_count();
        if opened {
            self.replace_or_close(config, resources).await?;
        }
        Ok(opened)
    }

    /// Replaces the services, or closes the stores that were opened for them.
    async fn replace_or_close(
        &mut self,
        config: &Config,
        resources: Resources,
    ) -> Result<(), Failure> {
        let chain = resources.chain.clone();
        let replaced = self.replace(config, resources);
        if replaced.is_err() {
            chain.close_except(&self.resources.chain).await;
        }
        replaced
    }

    fn replace(&mut self, config: &Config, resources: Resources) -> Result<(), Failure> {
        // Everything that can fail comes first.
        let metrics = &self.metrics;
        let resolver = resources.chain.resolver(config)?;
        let written_store = resources.written_store(config)?;
        let services = Services::build(
            config,
            resolver.clone(),
            &resources,
            &self.readiness,
            metrics,
            &self.recent,
        )?;

        self.readiness.watch_stores(&resolver, optional(config));
        self.readiness.watch_registries(written_store);
        services.show(metrics);
        self.allowed_callers.replace(config);
        self.gateways.replace(services.gateways);
        self.operators.replace(services.operators);
        for store in self.resources.chain.stores() {
            if !resources.chain.holds(store) {
                metrics.remove_store(store.name());
            }
        }
        resources.show(metrics);
        self.open_stores.replace(resources.chain.clone());
        self._sweeper = Sweeper::start(config, &resources.chain, metrics);
        self._warnings = WatchedWarnings::start(&resources.chain, &self.readiness);
        let old = std::mem::replace(&mut self.resources, resources);
        // Freeing a large file and stopping a watcher take time.
        tokio::task::spawn_blocking(move || drop(old));
        Ok(())
    }
}

/// Returns the names of the stores that may be down without making the process
/// unready.
fn optional(config: &Config) -> impl Iterator<Item = Arc<str>> {
    let stores = config.stores.iter();
    let optional = stores.filter(|store| !store.required_for_readiness);
    optional.map(|store| store.name.as_str().into())
}
