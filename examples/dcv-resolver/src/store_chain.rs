//! [`StoreChain`]: the stores of a configuration, opened.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CacheMonitor, CachedStore};
use dcv_resolver_core::{
    ChangeSource, ClientNetworks, Explainer, NamedStore, Resolver, ResolverBuilder, SessionImport,
    SessionListing, SessionStore,
};
use dcv_resolver_timeout::TimeoutStore;

use crate::background_task::BackgroundTask;
use crate::closed_store::ClosedStore;
use crate::config::{self, Config, TimeBudget};
use crate::failure::Failure;
use crate::open_error::OpenError;
use crate::open_store::{self, Access, OpenStore, Purpose};

/// The stores of a configuration, in the order in which they are asked. Clones
/// share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreChain(Vec<ChainedStore>);

/// A store of the chain.
#[derive(Debug, Clone)]
pub(crate) struct ChainedStore {
    settings: config::Store,
    source: Source,
    /// The store with its time limit and its cache, as the resolver uses it.
    named: NamedStore,
    /// The same as a registry: its writes are served at once.
    registry: Option<Arc<dyn SessionImport>>,
    cache: Option<Arc<Cache>>,
}

#[derive(Debug, Clone)]
enum Source {
    Open(Arc<OpenStore>),
    Closed(Arc<ClosedStore>),
}

/// What to do with a store that cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// Fail.
    Fail,
    /// Put a [`ClosedStore`] in its place.
    Close,
}

/// A cache.
#[derive(Debug)]
struct Cache {
    monitor: CacheMonitor,
    /// Reports the changes of the store to it.
    _watch: Option<BackgroundTask>,
}

impl StoreChain {
    /// Opens the stores of `config` for reading, calls `work` with them and closes
    /// them, also after a failure.
    pub(crate) async fn with_read_only<T>(
        config: &Config,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut chain = Self::default();
        let done = match chain.push_read_only(config).await {
            Ok(()) => work(&chain).await,
            Err(failure) => Err(failure),
        };
        chain.close().await;
        done
    }

    async fn push_read_only(&mut self, config: &Config) -> Result<(), Failure> {
        for settings in &config.stores {
            let open = opened(settings, Purpose::Read).await??;
            self.0.push(ChainedStore::new(settings, open));
        }
        Ok(())
    }

    /// Closes the stores.
    pub(crate) async fn close(&self) {
        self.close_except(&Self::default()).await;
    }

    /// Closes the stores that are not part of `kept` as well.
    pub(crate) async fn close_except(&self, kept: &Self) {
        let stores = self.0.iter().filter(|store| !kept.holds(store));
        for store in stores.filter_map(ChainedStore::opened) {
            store.close().await;
        }
    }

    /// Opens the stores of another configuration.
    ///
    /// A store that is open here is shared, and keeps its connections and what it
    /// holds in memory, if its name, its URL and the settings of its server are the
    /// same in both. One that is closed here is tried again, and is closed there too
    /// if it still cannot be opened. `unopened` says what happens to a store that is
    /// not part of this chain. After a failure, what was opened is closed.
    pub(crate) async fn reopen(
        &self,
        config: &Config,
        unopened: Unopened,
    ) -> Result<Self, Failure> {
        let mut chain = Self::default();
        match chain.push_reopened(self, config, unopened).await {
            Ok(()) => Ok(chain),
            Err(failure) => {
                chain.close_except(self).await;
                Err(failure)
            }
        }
    }

    async fn push_reopened(
        &mut self,
        former: &Self,
        config: &Config,
        unopened: Unopened,
    ) -> Result<(), Failure> {
        for settings in &config.stores {
            let known = former.0.iter().find(|store| {
                let known = &store.settings;
                known.name == settings.name
                    && known.url == settings.url
                    && known.redis == settings.redis
                    && known.upstream == settings.upstream
            });
            self.0.push(match known {
                Some(store) => store.reopen(settings).await?,
                None => ChainedStore::open(settings, unopened).await?,
            });
        }
        Ok(())
    }

    /// Returns whether the same store is part of this chain.
    pub(crate) fn holds(&self, store: &ChainedStore) -> bool {
        self.0.iter().any(|it| it.source.is_same(&store.source))
    }

    /// Returns how many stores could not be opened.
    pub(crate) fn closed_count(&self) -> usize {
        self.0
            .iter()
            .filter(|store| store.opened().is_none())
            .count()
    }

    pub(crate) fn stores(&self) -> &[ChainedStore] {
        &self.0
    }

    /// Returns the store `name` as a registry.
    pub(crate) fn registry(&self, name: &str) -> Result<Arc<dyn SessionImport>, Failure> {
        let store = self.0.iter().find(|store| store.name() == name);
        // The configuration was validated, so the store exists.
        let store = store.ok_or_else(|| Failure::setup(format!("there is no store {name:?}")))?;
        match &store.registry {
            Some(registry) => Ok(Arc::clone(registry)),
            None => Err(open_store::is_read_only(name)),
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
        Ok(self
            .0
            .iter()
            .fold(explainer, |explainer, store| match store.source.listing() {
                Some(listing) => explainer.with_listing(store.name(), listing),
                None => explainer,
            }))
    }
}

impl Source {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open(one), Self::Open(other)) => Arc::ptr_eq(one, other),
            (Self::Closed(one), Self::Closed(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    fn listing(&self) -> Option<Arc<dyn SessionListing>> {
        match self {
            Self::Open(store) => store.listing(),
            Self::Closed(store) => Some(Arc::<ClosedStore>::clone(store)),
        }
    }
}

impl ChainedStore {
    async fn open(settings: &config::Store, unopened: Unopened) -> Result<Self, Failure> {
        match opened_to_serve(settings).await? {
            Ok(open) => Ok(Self::new(settings, open)),
            Err(error) if unopened == Unopened::Fail => Err(error.into()),
            Err(OpenError { error, .. }) => {
                let closed = Arc::new(ClosedStore::new(error));
                Ok(Self::closed(settings, closed))
            }
        }
    }

    /// Returns the same store with other settings, opened if it is closed and
    /// can be.
    async fn reopen(&self, settings: &config::Store) -> Result<Self, Failure> {
        match &self.source {
            Source::Open(_) if self.settings == *settings => Ok(self.clone()),
            Source::Open(open) => Ok(Self::new(settings, Arc::clone(open))),
            Source::Closed(closed) => match opened_to_serve(settings).await? {
                Ok(open) => Ok(Self::new(settings, open)),
                Err(OpenError { error, .. }) => {
                    closed.set_error(error);
                    let settings = settings.clone();
                    Ok(Self {
                        settings,
                        ..self.clone()
                    })
                }
            },
        }
    }

    fn closed(settings: &config::Store, closed: Arc<ClosedStore>) -> Self {
        let registry: Arc<dyn SessionImport> = Arc::<ClosedStore>::clone(&closed);
        Self {
            settings: settings.clone(),
            named: NamedStore::new(settings.name.as_str(), Arc::clone(&registry)),
            registry: settings.url.is_registry().then_some(registry),
            cache: None,
            source: Source::Closed(closed),
        }
    }

    fn new(settings: &config::Store, open: Arc<OpenStore>) -> Self {
        let name = open.name.as_str();
        let limit = settings.time_budget_ms.map(TimeBudget::milliseconds);
        // The limit is behind the cache, which serves stale answers only if it
        // sees the timeout.
        let (named, registry, cache) = match &open.access {
            Access::ReadOnly(_) => (
                NamedStore::new(name, limited(open.store(), limit)),
                None,
                None,
            ),
            Access::LookupOnly(_) => {
                let store = limited(open.store(), limit);
                match cached(Arc::clone(&store), settings, &open) {
                    Some((store, cache)) => (NamedStore::new(name, store), None, Some(cache)),
                    None => (NamedStore::new(name, store), None, None),
                }
            }
            Access::ReadWrite(store) => {
                let store: Arc<dyn SessionImport> = match limit {
                    Some(limit) => Arc::new(TimeoutStore::new(Arc::clone(store), limit)),
                    None => Arc::<dyn SessionImport>::clone(store),
                };
                let (store, cache): (Arc<dyn SessionImport>, _) =
                    match cached(Arc::clone(&store), settings, &open) {
                        Some((store, cache)) => (store, Some(cache)),
                        None => (store, None),
                    };
                (
                    NamedStore::new(name, Arc::clone(&store)),
                    Some(store),
                    cache,
                )
            }
        };
        Self {
            settings: settings.clone(),
            source: Source::Open(open),
            named,
            registry,
            cache,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.settings.name.as_str()
    }

    /// Returns the open store, unless it could not be opened.
    pub(crate) fn opened(&self) -> Option<&Arc<OpenStore>> {
        match &self.source {
            Source::Open(store) => Some(store),
            Source::Closed(_) => None,
        }
    }

    /// Returns the monitor of its cache, if it has one.
    pub(crate) fn cache_monitor(&self) -> Option<CacheMonitor> {
        self.cache.as_ref().map(|cache| cache.monitor.clone())
    }
}

/// Opens a store to read and write it. The outer error is that of an invalid
/// configuration.
async fn opened_to_serve(
    settings: &config::Store,
) -> Result<Result<Arc<OpenStore>, OpenError>, Failure> {
    let purpose = if settings.migrate {
        Purpose::Write
    } else {
        Purpose::WriteUnmigrated
    };
    let opened = opened(settings, purpose).await?;
    if let Ok(store) = &opened
        && let Some(warning) = store.readable_by_others()
    {
        tracing::warn!(store = store.name, "{warning}");
    }
    Ok(opened)
}

/// Opens a store. The outer error is that of an invalid configuration.
async fn opened(
    settings: &config::Store,
    purpose: Purpose,
) -> Result<Result<Arc<OpenStore>, OpenError>, Failure> {
    let name = settings.name.as_str().to_owned();
    let url = settings
        .store_url()
        .map_err(|error| Failure::setup(format!("store {name}: {error}")))?;
    let opened = OpenStore::named(name, url, purpose).await;
    Ok(opened.map(Arc::new))
}

/// Limits the time of each lookup, if there is a limit.
fn limited(store: Arc<dyn SessionStore>, limit: Option<Duration>) -> Arc<dyn SessionStore> {
    match limit {
        Some(limit) => Arc::new(TimeoutStore::new(store, limit)),
        None => store,
    }
}

/// Puts a cache in front of `store` that follows its changes, unless the
/// configuration switches it off.
fn cached<S: SessionStore>(
    store: S,
    settings: &config::Store,
    open: &OpenStore,
) -> Option<(Arc<CachedStore<S>>, Arc<Cache>)> {
    let settings = settings.cache()?;
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
    Some((Arc::new(cached), Arc::new(cache)))
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
