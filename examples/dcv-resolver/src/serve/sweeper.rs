//! [`Sweeper`]: removes sessions that expired long ago.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{Clock, SessionRegistry, SystemClock, Timestamp};
use dcv_resolver_ops::Metrics;
use tokio::time::{MissedTickBehavior, interval};

use crate::background_task::BackgroundTask;
use crate::config::Config;
use crate::store_chain::StoreChain;

const MAX_ERROR_BYTES: usize = 1024;

/// Removes expired sessions from the store that is administered, until it is
/// dropped.
#[derive(Debug)]
pub(super) struct Sweeper {
    _task: BackgroundTask,
}

impl Sweeper {
    /// Starts to sweep. Returns `None` if the configuration does not ask for it.
    pub(super) fn start(config: &Config, chain: &StoreChain, metrics: &Metrics) -> Option<Self> {
        let (period, keep) = config.sweep()?;
        let store: Arc<str> = config.admin_store()?.name.as_str().into();
        // A session file is not a registry.
        let registry = chain.registry(&store).ok()?;
        // A rate then includes the first sweep.
        metrics.count_swept(Arc::clone(&store), 0);
        let sweeping = sweep(registry, store, period, keep, metrics.clone());
        Some(Self {
            _task: BackgroundTask::spawn(sweeping),
        })
    }
}

async fn sweep(
    registry: Arc<dyn SessionRegistry>,
    store: Arc<str>,
    period: Duration,
    keep: Duration,
    metrics: Metrics,
) {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match registry.sweep(before(SystemClock.now(), keep)).await {
            Ok(0) => {}
            Ok(removed) => {
                metrics.count_swept(Arc::clone(&store), removed);
                tracing::info!(store = &*store, removed, "expired sessions removed");
            }
            Err(error) => tracing::warn!(
                store = &*store,
                error = &*escaped(&error.chain().to_string(), MAX_ERROR_BYTES),
                "cannot remove expired sessions",
            ),
        }
    }
}

/// Returns the time `duration` before `now`. For a registry that sweeps at this
/// time, sessions that expired later are still live.
fn before(now: Timestamp, duration: Duration) -> Timestamp {
    let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(now.as_unix_ms().saturating_sub(ms))
}
