//! [`WatchedWarnings`]: what is likely to lose sessions though the stores answer,
//! in the log and in `/readyz`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_ops::Readiness;
use tokio::time::{MissedTickBehavior, interval};

use crate::background_task::BackgroundTask;
use crate::open_store::OpenStore;
use crate::store_chain::{ChainedStore, StoreChain};

/// How often a store is asked.
const PERIOD: Duration = Duration::from_secs(60);

/// Asks the stores for warnings until this is dropped.
#[derive(Debug, Default)]
pub(super) struct WatchedWarnings {
    _tasks: Vec<BackgroundTask>,
}

impl WatchedWarnings {
    pub(super) fn start(chain: &StoreChain, readiness: &Readiness) -> Self {
        let stores = chain.stores().iter().filter_map(ChainedStore::opened);
        let watched = stores.filter(|store| store.has_warnings());
        Self {
            _tasks: watched
                .map(|store| BackgroundTask::spawn(watch(Arc::clone(store), readiness.clone())))
                .collect(),
        }
    }
}

async fn watch(store: Arc<OpenStore>, readiness: Readiness) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = BTreeSet::new();
    loop {
        ticks.tick().await;
        let warnings: BTreeSet<_> = match store.warnings().await {
            Ok(warnings) => warnings.into_iter().collect(),
            // What is known may still hold.
            Err(error) => {
                let error = error.chain();
                tracing::debug!(store = store.name, %error, "cannot ask a store for warnings");
                continue;
            }
        };
        for warning in warnings.difference(&known) {
            tracing::warn!(store = store.name, "{warning}");
        }
        readiness.set_warnings(&store.name, warnings.iter().cloned().collect());
        known = warnings;
    }
}
