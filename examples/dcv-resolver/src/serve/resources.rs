//! [`Resources`]: what is open behind the services.

use std::sync::Arc;

use dcv_resolver_core::SessionRegistry;
use dcv_resolver_ops::Metrics;

use super::caches;
use super::watched_session_files::WatchedSessionFiles;
use super::watched_tokens::WatchedTokens;
use crate::config::Config;
use crate::failure::Failure;
use crate::store_chain::{StoreChain, Unopened};

/// The stores and files of a configuration.
#[derive(Debug, Default)]
pub(super) struct Resources {
    pub(super) chain: StoreChain,
    files: WatchedSessionFiles,
    pub(super) tokens: Option<Arc<WatchedTokens>>,
}

/// The name of a store, and the store as a registry.
pub(super) type WrittenStore = (Arc<str>, Arc<dyn SessionRegistry>);

impl Resources {
    /// Opens the stores and files of `config`. What is open here already is
    /// shared.
    pub(super) async fn reopen(
        &self,
        config: &Config,
        unopened: Unopened,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        // Before the stores, which would have to be closed again.
        let wanted = config.admin.as_ref().map(|admin| &*admin.tokens_file);
        let tokens = match &self.tokens {
            Some(tokens) if Some(tokens.path()) == wanted => Some(Arc::clone(tokens)),
            _ => WatchedTokens::load(config, metrics).await?.map(Arc::new),
        };
        let chain = self.chain.reopen(config, unopened).await?;
        match self.files.watch(&chain, metrics) {
            Ok(files) => Ok(Self {
                chain,
                files,
                tokens,
            }),
            Err(failure) => {
                chain.close_except(&self.chain).await;
                Err(failure)
            }
        }
    }

    /// Returns the store that the admin API writes, by its name. Others may be
    /// written by other programs alone.
    pub(super) fn written_store(&self, config: &Config) -> Result<Option<WrittenStore>, Failure> {
        let (Some(_), Some(store)) = (&self.tokens, config.admin_store()) else {
            return Ok(None);
        };
        let name = store.name.as_str();
        Ok(Some((name.into(), self.chain.registry(name)?)))
    }

    /// Shows the age of the files and the caches in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        self.files.show_ages(metrics);
        caches::show(&self.chain, metrics);
    }
}
