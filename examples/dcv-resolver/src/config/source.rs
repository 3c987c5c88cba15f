//! [`Source`]: file, environment and flags, combined.

use std::path::Path;

use super::consistency;
use super::error::ConfigError;
use super::read::ConfigFile;
use super::shape::Config;
use super::store::Store;
use super::text::StoreName;
use crate::cli::ConfigOptions;

/// Where a configuration comes from. It can be loaded any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Source(ConfigOptions);

impl Source {
    pub(crate) fn new(options: ConfigOptions) -> Self {
        Self(options)
    }

    /// Returns the path of the file, if there is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.0.config.as_deref()
    }

    /// Reads the file and applies environment and flags to it.
    ///
    /// Blocks while it reads.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let Some(path) = &self.0.config else {
            let mut config = Config::default();
            self.override_with_options(&mut config)?;
            let mut inconsistencies = consistency::inconsistencies(&config);
            return if inconsistencies.is_empty() {
                Ok(config)
            } else {
                Err(ConfigError::Options(inconsistencies.swap_remove(0).message))
            };
        };
        let file = ConfigFile::open(path)?;
        let mut parsed = file.parse();
        let mut inconsistencies = Vec::new();
        if let Some(config) = &mut parsed.config {
            match self.override_with_options(config) {
                Ok(()) => inconsistencies = consistency::inconsistencies(config),
                // The errors of the file come first.
                Err(error) if parsed.is_valid() => return Err(error),
                Err(_) => {}
            }
        }
        file.finish(parsed, inconsistencies)
    }

    fn override_with_options(&self, config: &mut Config) -> Result<(), ConfigError> {
        // By name, so that the compiler finds a forgotten one.
        let ConfigOptions {
            config: _,
            listen,
            store,
            time_budget_ms,
            ops_listen,
            drain_ms,
            log,
        } = &self.0;
        if let Some(text) = store {
            let url = text
                .parse()
                .map_err(|error| ConfigError::Options(format!("--store: {error}")))?;
            config.stores = vec![Store {
                name: StoreName::of(&url),
                url: text.clone(),
                migrate: true,
                time_budget_ms: None,
                required_for_readiness: true,
                cache: None,
                redis: None,
                upstream: None,
            }];
            // It named a store that is replaced.
            if let Some(admin) = &mut config.admin {
                admin.store = None;
            }
        }
        if let Some(listen) = listen {
            config.listen = listen.clone();
        }
        config.time_budget_ms = time_budget_ms.unwrap_or(config.time_budget_ms);
        if let Some(listen) = ops_listen {
            config.ops.listen = listen.clone();
        }
        config.shutdown.drain_ms = drain_ms.unwrap_or(config.shutdown.drain_ms);
        log.override_settings(&mut config.log)
            .map_err(ConfigError::Options)
    }
}
