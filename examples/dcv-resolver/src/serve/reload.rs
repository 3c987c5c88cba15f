//! SIGHUP: reads the configuration again.

use tokio::signal::unix::Signal;

use super::reloadable_services::ReloadableServices;
use super::restart;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::log::LogFilter;

/// Reads and applies the configuration again, each time the signal arrives.
pub(super) async fn on_signal(
    mut signal: Signal,
    source: Source,
    started: Config,
    mut services: ReloadableServices,
    filter: LogFilter,
) {
    // Signals that arrive during a reload cause one more.
    while signal.recv().await.is_some() {
        let reloaded = reload(&source, &mut services).await;
        let is_ok = reloaded.is_ok();
        match reloaded {
            Ok(config) => {
                filter.set(&config.log.level);
                let needed = restart::needed(&started, &config);
                if !needed.is_empty() {
                    tracing::warn!(
                        keys = needed.join(", "),
                        "these keys changed and need a restart; their former values still apply",
                    );
                }
                tracing::info!("configuration reloaded");
            }
            Err(failure) => tracing::error!(
                error = %failure,
                "cannot reload the configuration; the former one still applies",
            ),
        }
        services.metrics().count_reload("config", is_ok);
    }
}

async fn reload(source: &Source, services: &mut ReloadableServices) -> Result<Config, Failure> {
    let source = source.clone();
    let config = tokio::task::spawn_blocking(move || source.load())
        .await
        .map_err(|error| Failure::setup(format!("cannot read the configuration: {error}")))??;
    services.apply(&config).await?;
    Ok(config)
}
