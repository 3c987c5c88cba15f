//! SIGHUP: reads the configuration again. Also tries again to open the stores
//! that could not be opened at the start.

use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::sleep;

use super::bound::Bound;
use super::reloadable_services::ReloadableServices;
use super::restart;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::file_modes;
use crate::log::LogFilter;

/// How long to wait before closed stores are tried again: twice as long each
/// time, within these bounds.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Reads and applies the configuration again, each time the signal arrives.
pub(super) async fn on_signal(
    mut signal: Signal,
    source: Source,
    started: Config,
    bound: Bound,
    mut services: ReloadableServices,
    filter: LogFilter,
) {
    let mut reloaded = None;
    let mut retry = FIRST_RETRY;
    loop {
        tokio::select! {
            // Signals that arrive during a reload cause one more.
            received = signal.recv() => {
                if received.is_none() {
                    return;
                }
                if let Some(config) = reload(&source, &started, bound, &mut services, &filter).await {
                    reloaded = Some(config);
                }
                retry = FIRST_RETRY;
            }
            () = sleep(retry), if services.has_closed_stores() => {
                let current = reloaded.as_ref().unwrap_or(&started);
                // The readiness logs each store that answers, and each new error.
                match services.open_closed_stores(current).await {
                    Ok(true) => retry = FIRST_RETRY,
                    Ok(false) => retry = LONGEST_RETRY.min(retry * 2),
                    Err(failure) => {
                        tracing::error!(error = %failure, "cannot use a store that was opened");
                        retry = LONGEST_RETRY;
                    }
                }
            }
        }
    }
}

/// Returns the configuration that applies from now on, or `None` if the former
/// one still does.
async fn reload(
    source: &Source,
    started: &Config,
    bound: Bound,
    services: &mut ReloadableServices,
    filter: &LogFilter,
) -> Option<Config> {
    let reloaded = load_and_apply(source, bound, services).await;
    services.metrics().count_reload("config", reloaded.is_ok());
    match reloaded {
        Ok(config) => {
            filter.set(&config.log.level);
            let needed = restart::needed(started, &config);
            if !needed.is_empty() {
                tracing::warn!(
                    keys = needed.join(", "),
                    "these keys changed and need a restart; their former values still apply",
                );
            }
            for warning in file_modes::warnings(&config, source.file()) {
                tracing::warn!("{warning}");
            }
            tracing::info!("configuration reloaded");
            Some(config)
        }
        Err(failure) => {
            tracing::error!(
                error = %failure,
                "cannot reload the configuration; the former one still applies",
            );
            None
        }
    }
}

async fn load_and_apply(
    source: &Source,
    bound: Bound,
    services: &mut ReloadableServices,
) -> Result<Config, Failure> {
    let source = source.clone();
    let config = tokio::task::spawn_blocking(move || source.load())
        .await
        .map_err(|error| Failure::setup(format!("cannot read the configuration: {error}")))??;
    bound.check(&config).map_err(|refusal| {
        Failure::setup(format!(
            "{refusal}; the listeners, [ops.tls] included, need a restart"
        ))
    })?;
    services.apply(&config).await?;
    Ok(config)
}
