//! [`ReloadableServices`]: the services, and what a reload replaces.

use axum::Router;
use dcv_resolver_http::{ReloadableService, ResolveService};
use dcv_resolver_ops::{Metrics, Readiness};

use super::watched_session_files::WatchedSessionFiles;
use super::watched_tokens::WatchedTokens;
use super::{caches, services};
use crate::config::Config;
use crate::failure::Failure;
use crate::store_chain::StoreChain;

/// The services for gateways and for operators, and what is behind them.
#[derive(Debug)]
pub(super) struct ReloadableServices {
    gateways: ReloadableService<ResolveService>,
    operators: ReloadableService<Router>,
    metrics: Metrics,
    readiness: Readiness,
    chain: StoreChain,
    files: WatchedSessionFiles,
    tokens: Option<WatchedTokens>,
}

impl ReloadableServices {
    /// Opens the stores and files of `config`, and builds the services.
    pub(super) async fn start(config: &Config, metrics: Metrics) -> Result<Self, Failure> {
        let chain = StoreChain::open(config).await?;
        let resolver = chain.resolver(config)?;
        let readiness = Readiness::new(&resolver);
        let mut services = Self {
            gateways: ReloadableService::new(services::for_gateways(config, resolver, &metrics)),
            operators: ReloadableService::new(Router::new()),
            metrics,
            readiness,
            chain,
            files: WatchedSessionFiles::default(),
            tokens: None,
        };
        services.apply(config).await?;
        Ok(services)
    }

    pub(super) fn for_gateways(&self) -> ReloadableService<ResolveService> {
        self.gateways.clone()
    }

    pub(super) fn for_operators(&self) -> ReloadableService<Router> {
        self.operators.clone()
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Returns the names of the stores, in the order in which they are asked.
    pub(super) fn store_names(&self) -> String {
        let names = self.chain.stores().iter();
        let names: Vec<_> = names.map(|store| store.open.name.as_str()).collect();
        names.join(",")
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Applies `config`, or changes nothing if this fails.
    pub(super) async fn apply(&mut self, config: &Config) -> Result<(), Failure> {
        // Everything that can fail comes first.
        let chain = self.chain.reopen(config).await?;
        let resolver = chain.resolver(config)?;
        let path = |tokens: &WatchedTokens| tokens.path().to_owned();
        let wanted = config.admin.as_ref().map(|admin| &admin.tokens_file);
        let new_tokens = if self.tokens.as_ref().map(path).as_ref() == wanted {
            None
        } else {
            Some(WatchedTokens::load(config, &self.metrics).await?)
        };
        let files = self.files.watch(&chain, &self.metrics)?;
        let tokens = new_tokens.as_ref().unwrap_or(&self.tokens).as_ref();
        let operators = services::for_operators(
            config,
            &chain,
            self.readiness.clone(),
            self.metrics.clone(),
            tokens.map(|watched| &watched.tokens),
        )?;

        self.readiness.replace_stores(&resolver);
        let gateways = services::for_gateways(config, resolver, &self.metrics);
        self.metrics.watch_in_flight(gateways.in_flight());
        self.gateways.replace(gateways);
        self.operators.replace(operators);
        for store in self.chain.stores() {
            if !chain.holds(store) {
                self.metrics.remove_store(store.open.name.as_str());
            }
        }
        files.show_ages(&self.metrics);
        caches::show(&chain, &self.metrics);
        if let Some(tokens) = new_tokens {
            self.tokens = tokens;
        }
        let old_chain = std::mem::replace(&mut self.chain, chain);
        let old_files = std::mem::replace(&mut self.files, files);
        // Freeing a large file and stopping a watcher take time.
        tokio::task::spawn_blocking(move || drop((old_files, old_chain)));
        Ok(())
    }
}
