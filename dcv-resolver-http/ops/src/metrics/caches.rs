//! [`Caches`]: the statistics of the caches in front of stores.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::CacheStats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::labels::{LookupLabels, StoreLabel};

type Source = Arc<dyn Fn() -> CacheStats + Send + Sync>;

/// The functions that return the statistics, by store.
#[derive(Default)]
pub(super) struct Caches(Mutex<BTreeMap<Arc<str>, Source>>);

impl Caches {
    pub(super) fn watch(&self, store: Arc<str>, source: Source) {
        self.lock().insert(store, source);
    }

    pub(super) fn remove(&self, store: &str) {
        self.lock().remove(store);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Source>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Caches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that the functions run without the lock.
        let sources = self.lock().clone();
        let caches: Vec<_> = sources
            .into_iter()
            .map(|(store, source)| (StoreLabel { store }, source()))
            .collect();
        if caches.is_empty() {
            return Ok(());
        }
        encode_lookups(&caches, &mut encoder)?;
        encode_stale(&caches, &mut encoder)?;
        encode_gauge(
            &caches,
            &mut encoder,
            ("cache_entries", "Entries in the cache.", None),
            |stats| Some(stats.entries),
        )?;
        encode_gauge(
            &caches,
            &mut encoder,
            (
                "cache_size",
                "Estimated size of the entries in the cache.",
                Some(Unit::Bytes),
            ),
            |stats| Some(stats.size_bytes),
        )?;
        encode_gauge(
            &caches,
            &mut encoder,
            (
                "cache_confirmed_age",
                "Time since the store last confirmed that it has reported every change.",
                Some(Unit::Seconds),
            ),
            |stats| Some(stats.confirmed_age?.as_secs_f64()),
        )
    }
}

type Stats = [(StoreLabel, CacheStats)];

fn encode_lookups(caches: &Stats, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "cache_lookups",
        "Lookups, by result: a hit, a load from the store, or coalesced with the load of another.",
        None,
        MetricType::Counter,
    )?;
    for (StoreLabel { store }, stats) in caches {
        for (result, count) in [
            ("hit", stats.hits),
            ("load", stats.loads),
            ("coalesced", stats.coalesced),
        ] {
            let store = Arc::clone(store);
            metric
                .encode_family(&LookupLabels { store, result })?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}

fn encode_stale(caches: &Stats, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(
        "cache_stale",
        "Lookups that were answered with a stale record because the store failed.",
        None,
        MetricType::Counter,
    )?;
    for (store, stats) in caches {
        metric
            .encode_family(store)?
            .encode_counter::<NoLabelSet, _, u64>(&stats.stale, None)?;
    }
    Ok(())
}

/// Encodes a gauge with this name, help text and unit, of the caches that have
/// a value.
fn encode_gauge<T: EncodeGaugeValue>(
    caches: &Stats,
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<Unit>),
    value: impl Fn(&CacheStats) -> Option<T>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
    for (store, stats) in caches {
        if let Some(value) = value(stats) {
            metric.encode_family(store)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caches").finish_non_exhaustive()
    }
}
