//! The figures of the caches of a chain, for the metrics.

use dcv_resolver_ops::Metrics;

use crate::store_chain::StoreChain;

/// Shows the caches of `chain`, and no others of its stores.
pub(super) fn show(chain: &StoreChain, metrics: &Metrics) {
    for store in chain.stores() {
        let name = store.open.name.as_str();
        match store.cache_monitor() {
            Some(monitor) => metrics.watch_cache(name, move || monitor.stats()),
            None => metrics.remove_cache(name),
        }
    }
}
