//! SIGHUP: the configuration is read again.

use tokio::signal::unix::Signal;

use super::live::Live;
use super::restart;
use crate::config::{Config, Source};
use crate::failure::Failure;
use crate::log::Level;

/// Reads and serves the configuration again, whenever the signal comes.
pub(super) async fn on_signal(
    mut signal: Signal,
    source: Source,
    started: Config,
    mut live: Live,
    level: Level,
) {
    // Signals that come while one is answered are one more.
    while signal.recv().await.is_some() {
        let reloaded = reload(&source, &mut live).await;
        let is_ok = reloaded.is_ok();
        match reloaded {
            Ok(config) => {
                level.set(&config.log.level);
                let needed = restart::needed(&started, &config);
                if !needed.is_empty() {
                    tracing::warn!(
                        keys = needed.join(", "),
                        "these have changed as well, and need a restart; what they were at the start still holds",
                    );
                }
                tracing::info!("the configuration was read again, and is served");
            }
            Err(failure) => tracing::error!(
                error = %failure,
                "the configuration cannot be reloaded; the one before is served on",
            ),
        }
        live.metrics().count_reload("config", is_ok);
    }
}

async fn reload(source: &Source, live: &mut Live) -> Result<Config, Failure> {
    let source = source.clone();
    let config = tokio::task::spawn_blocking(move || source.load())
        .await
        .map_err(|error| Failure::setup(format!("cannot read the configuration: {error}")))??;
    live.serve(&config).await?;
    Ok(config)
}
