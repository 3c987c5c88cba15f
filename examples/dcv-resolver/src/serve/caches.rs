//! What the caches of a chain do, for the metrics.

use dcv_resolver_cache::CacheStats;
use dcv_resolver_ops::{CacheFigures, Metrics};

use crate::chain::Chain;

/// Shows those of `chain`, and no others of its stores.
pub(super) fn show(chain: &Chain, metrics: &Metrics) {
    for store in chain.stores() {
        let name = store.open.name.as_str();
        match store.cache_stats() {
            Some(stats) => metrics.watch_cache(name, move || figures(&stats)),
            None => metrics.remove_cache(name),
        }
    }
}

fn figures(stats: &CacheStats) -> CacheFigures {
    let mut figures = CacheFigures::default();
    figures.hits = stats.hits_total();
    figures.loads = stats.loads_total();
    figures.coalesced = stats.coalesced_total();
    figures.stale = stats.stale_total();
    figures.entries = stats.entries() as u64;
    figures.bytes = stats.bytes();
    figures.confirmed_age = stats.confirmed_age();
    figures
}
