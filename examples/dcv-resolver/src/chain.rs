//! [`Chain`]: the stores of a configuration, opened.

use dcv_resolver_core::{ClientNetworks, Explainer, Resolver};
use dcv_resolver_static_file::Watcher;

use crate::config::{self, Config};
use crate::failure::Failure;
use crate::open_store::{Missing, OpenStore};

/// All stores of a configuration, in the order in which they are asked.
#[derive(Debug)]
pub(crate) struct Chain(Vec<OpenStore>);

impl Chain {
    /// Opens all of them.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let mut stores = Vec::new();
        for store in &config.stores {
            let name = store.name.as_str().to_owned();
            let url = store.url.option()?;
            stores.push(OpenStore::named(name, url, Missing::Fail).await?);
        }
        Ok(Self(stores))
    }

    /// Follows changes of session files, until the watchers are dropped.
    pub(crate) fn watch(&self) -> Result<Vec<Watcher>, Failure> {
        let watchers = self.0.iter().map(OpenStore::watch);
        watchers.filter_map(Result::transpose).collect()
    }

    /// The resolver over them, with the policies of the configuration.
    pub(crate) fn resolver(&self, config: &Config) -> Resolver {
        let mut stores = self.0.iter();
        let mut resolver = match stores.next() {
            Some(store) => Resolver::new(store.store()).with_store_name(store.name.as_str()),
            // A configuration without a store is refused.
            None => Resolver::new(dcv_resolver_core::MemoryStore::new()),
        };
        for store in stores {
            resolver = resolver.then(store.name.as_str(), store.store());
        }
        match &config.policy.client_networks {
            Some(policy) => resolver.with_policy(client_networks(policy)),
            None => resolver,
        }
    }

    /// What explains the resolver's answers.
    pub(crate) fn explainer(&self, config: &Config) -> Explainer {
        let explainer = Explainer::new(self.resolver(config));
        self.0.iter().fold(explainer, |explainer, store| {
            explainer.with_listing(store.name.as_str(), store.listing())
        })
    }
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
