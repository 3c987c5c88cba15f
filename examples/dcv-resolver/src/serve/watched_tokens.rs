//! [`WatchedTokens`]: the bearer tokens, read again when their file changes.

use std::path::Path;

use dcv_resolver_admin::{BearerTokens, Reload};
use dcv_resolver_ops::Metrics;

use crate::background_task::BackgroundTask;
use crate::config::Config;
use crate::failure::Failure;
use crate::file_modes;

/// The tokens of a configuration, read again when their file changes, until
/// this is dropped.
#[derive(Debug)]
pub(super) struct WatchedTokens {
    pub(super) tokens: BearerTokens,
    _watch: BackgroundTask,
}

impl WatchedTokens {
    /// Loads the tokens. Returns `None` if the configuration has no admin API.
    pub(super) async fn load(config: &Config, metrics: &Metrics) -> Result<Option<Self>, Failure> {
        let Some(admin) = &config.admin else {
            return Ok(None);
        };
        let path = admin.tokens_file.clone();
        let loading = tokio::task::spawn_blocking(move || BearerTokens::load(path));
        let tokens = match loading.await {
            Ok(Ok(tokens)) => tokens,
            Ok(Err(error)) => return Err(Failure::setup(error.to_string())),
            Err(error) => return Err(Failure::setup(format!("cannot read tokens: {error}"))),
        };
        let watch = {
            let (tokens, metrics) = (tokens.clone(), metrics.clone());
            async move {
                let on_reload = |reload: &Result<_, _>| {
                    metrics.count_reload("tokens", reload.is_ok());
                    if let Ok(Reload::Replaced) = reload
                        && let Some(warning) = file_modes::of_tokens(tokens.path())
                    {
                        tracing::warn!("{warning}");
                    }
                };
                tokens.watch(on_reload).await;
            }
        };
        Ok(Some(Self {
            tokens,
            _watch: BackgroundTask::spawn(watch),
        }))
    }

    pub(super) fn path(&self) -> &Path {
        self.tokens.path()
    }
}
