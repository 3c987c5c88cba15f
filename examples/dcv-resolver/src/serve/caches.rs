//! The statistics of the caches of a chain, for the metrics.

use dcv_resolver_ops::Metrics;

use crate::store_chain::StoreChain;

/// Shows the caches of `chain` in the metrics, and removes those that its
/// stores no longer have.
pub(super) fn show(chain: &StoreChain, metrics: &Metrics) {
    for store in chain.stores() {
        let name = store.name();
        match store.cache_monitor() {
            Some(monitor) => metrics.watch_cache(name, move || monitor.stats()),
            None => metrics.remove_cache(name),
        }
    }
}
