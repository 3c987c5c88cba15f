//! [`StoreChain`]: the stores of a configuration, opened.

use std::sync::Arc;

use dcv_resolver_cache::{CacheConfig, CacheMonitor, CachedStore};
use dcv_resolver_core::{
    ChangeSource, ClientNetworks, Explainer, NamedStore, Resolver, ResolverBuilder, SessionImport,
    SessionRegistry,
};
use dcv_resolver_timeout::TimeoutStore;

use crate::background_task::BackgroundTask;
use crate::config::{self, Config, TimeBudget};
use crate::failure::Failure;
use crate::open_store::{Access, Missing, OpenStore};

/// The stores of a configuration, in the order in which they are asked. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreChain(Vec<ChainedStore>);

/// A store of the chain.
#[derive(Debug, Clone)]
pub(crate) struct ChainedStore {
    settings: config::Store,
    pub(crate) open: Arc<OpenStore>,
    /// The store with its time limit and its cache, as the resolver uses it.
    named: NamedStore,
    /// The same as a registry: its writes are served at once.
    registry: Option<Arc<dyn SessionRegistry>>,
    cache: Option<Arc<Cache>>,
}

/// A cache.
#[derive(Debug)]
struct Cache {
    monitor: CacheMonitor,
    /// Reports the changes of the store to it.
    _watch: Option<BackgroundTask>,
}

impl StoreChain {
    /// Opens the stores of `config`.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        Self::default().reopen(config).await
    }

    /// Opens the stores of another configuration. Stores with the same name and
    /// URL as here stay open: their connections and data in memory are kept.
    pub(crate) async fn reopen(&self, config: &Config) -> Result<Self, Failure> {
        let mut stores = Vec::new();
        for settings in &config.stores {
            let known = self.0.iter().find(|store| {
                store.settings.name == settings.name && store.settings.url == settings.url
            });
            stores.push(match known {
                Some(store) if store.settings == *settings => store.clone(),
                Some(store) => ChainedStore::new(settings, Arc::clone(&store.open)),
                None => {
                    let name = settings.name.as_str().to_owned();
                    let url = settings.url.option()?;
                    let open = OpenStore::named(name, url, Missing::Fail).await?;
                    ChainedStore::new(settings, Arc::new(open))
                }
            });
        }
        Ok(Self(stores))
    }

    /// Returns whether the same open store is part of this chain.
    pub(crate) fn holds(&self, store: &ChainedStore) -> bool {
        self.0.iter().any(|it| Arc::ptr_eq(&it.open, &store.open))
    }

    pub(crate) fn stores(&self) -> &[ChainedStore] {
        &self.0
    }

    /// Returns the store `name` as a registry.
    pub(crate) fn registry(&self, name: &str) -> Result<Arc<dyn SessionRegistry>, Failure> {
        let store = self.0.iter().find(|store| store.open.name == name);
        // The configuration was validated, so the store exists.
        let store = store.ok_or_else(|| Failure::setup(format!("there is no store {name:?}")))?;
        match &store.registry {
            Some(registry) => Ok(Arc::clone(registry)),
            None => Err(store.open.is_read_only()),
        }
    }

    /// Builds the resolver over the stores, with the policies of `config`.
    pub(crate) fn resolver(&self, config: &Config) -> Result<Resolver, Failure> {
        let stores = self.0.iter().map(|store| store.named.clone());
        let mut builder = stores.fold(Resolver::builder(), ResolverBuilder::named_store);
        if let Some(networks) = &config.policy.client_networks {
            builder = builder.policy(client_networks(networks));
        }
        builder
            .build()
            .map_err(|error| Failure::setup(error.to_string()))
    }

    /// Builds the explainer of the resolver's answers.
    pub(crate) fn explainer(&self, config: &Config) -> Result<Explainer, Failure> {
        let explainer = Explainer::new(self.resolver(config)?);
        Ok(self.0.iter().fold(explainer, |explainer, store| {
            explainer.with_listing(store.open.name.as_str(), store.open.listing())
        }))
    }
}

impl ChainedStore {
    fn new(settings: &config::Store, open: Arc<OpenStore>) -> Self {
        let name = open.name.as_str();
        let limit = settings.time_budget_ms.map(TimeBudget::milliseconds);
        let (named, registry, cache) = match &open.access {
            Access::ReadOnly(_) => {
                let store = match limit {
                    Some(limit) => Arc::new(TimeoutStore::new(open.store(), limit)),
                    None => open.store(),
                };
                (NamedStore::new(name, store), None, None)
            }
            Access::ReadWrite(store) => {
                // The limit is behind the cache, which serves stale answers
                // only if it sees the timeout.
                let store: Arc<dyn SessionRegistry> = match limit {
                    Some(limit) => Arc::new(TimeoutStore::new(Arc::clone(store), limit)),
                    None => Arc::<dyn SessionImport>::clone(store),
                };
                let (store, cache) = cached(store, settings, &open);
                let named = NamedStore::new(name, Arc::clone(&store));
                (named, Some(store), cache)
            }
        };
        Self {
            settings: settings.clone(),
            open,
            named,
            registry,
            cache,
        }
    }

    /// Returns the monitor of its cache, if it has one.
    pub(crate) fn cache_monitor(&self) -> Option<CacheMonitor> {
        self.cache.as_ref().map(|cache| cache.monitor.clone())
    }
}

/// Puts a cache in front of `store` that follows its changes, unless the
/// configuration switches it off.
fn cached(
    store: Arc<dyn SessionRegistry>,
    settings: &config::Store,
    open: &OpenStore,
) -> (Arc<dyn SessionRegistry>, Option<Arc<Cache>>) {
    let Some(settings) = settings.cache() else {
        return (store, None);
    };
    let config = CacheConfig::default()
        .max_bytes(settings.max_bytes.bytes())
        .stale_if_error(settings.stale_if_error_ms.milliseconds())
        .ttl(settings.ttl_ms.milliseconds())
        .negative_ttl(settings.negative_ttl_ms.milliseconds());
    let cached = CachedStore::new(store, config);
    let watch = |source: &Arc<dyn ChangeSource>| source.watch_changes(cached.listener());
    let cache = Cache {
        monitor: cached.monitor(),
        _watch: open.changes.as_ref().map(watch).map(BackgroundTask::spawn),
    };
    (Arc::new(cached), Some(Arc::new(cache)))
}

fn client_networks(config: &config::ClientNetworks) -> ClientNetworks {
    let mut policy = ClientNetworks::new(config.unknown_client.into())
        .load_balancers(config.load_balancers.iter().copied());
    for (id, networks) in &config.sessions {
        policy = policy.session(id.clone(), networks.iter().copied());
    }
    for (label, networks) in &config.labels {
        policy = policy.label(&label.name, &label.value, networks.iter().copied());
    }
    match &config.default {
        Some(networks) => policy.default_networks(networks.iter().copied()),
        None => policy,
    }
}
