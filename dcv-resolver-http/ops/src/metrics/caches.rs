//! [`Caches`]: the figures of the caches in front of stores.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::labels::{LookupLabels, StoreLabel};

/// The figures of the cache in front of one store, for
/// [`Metrics::watch_cache`](crate::Metrics::watch_cache).
///
/// ```
/// use dcv_resolver_ops::CacheFigures;
///
/// let mut figures = CacheFigures::default();
/// figures.hits = 1_000;
/// figures.loads = 1;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFigures {
    /// Lookups that were answered without the store.
    pub hits: u64,
    /// Lookups that asked the store.
    pub loads: u64,
    /// Lookups that waited for the load of another.
    pub coalesced: u64,
    /// Lookups that were answered with a stale record because the store failed.
    pub stale: u64,
    /// Cached answers.
    pub entries: u64,
    /// The size of the cached answers, in bytes.
    pub bytes: u64,
    /// The time since the cache last was known to be current. `None` if the
    /// store does not report its changes.
    pub confirmed_age: Option<Duration>,
}

type Source = Arc<dyn Fn() -> CacheFigures + Send + Sync>;

/// The functions that return the figures, by store.
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

/// The figures of all of them.
struct Figures(Vec<(StoreLabel, CacheFigures)>);

impl Figures {
    fn lookups(&self, mut metric: MetricEncoder<'_>) -> fmt::Result {
        for (StoreLabel { store }, figures) in &self.0 {
            for (result, count) in [
                ("hit", figures.hits),
                ("load", figures.loads),
                ("coalesced", figures.coalesced),
            ] {
                let store = Arc::clone(store);
                metric
                    .encode_family(&LookupLabels { store, result })?
                    .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }

    fn stale(&self, mut metric: MetricEncoder<'_>) -> fmt::Result {
        for (store, figures) in &self.0 {
            metric
                .encode_family(store)?
                .encode_counter::<NoLabelSet, _, u64>(&figures.stale, None)?;
        }
        Ok(())
    }

    fn gauge<T: EncodeGaugeValue>(
        &self,
        mut metric: MetricEncoder<'_>,
        value: impl Fn(&CacheFigures) -> Option<T>,
    ) -> fmt::Result {
        for (store, figures) in &self.0 {
            if let Some(value) = value(figures) {
                metric.encode_family(store)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

impl Collector for Caches {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that the functions run without the lock.
        let sources = self.lock().clone();
        if sources.is_empty() {
            return Ok(());
        }
        let figures = sources
            .into_iter()
            .map(|(store, source)| (StoreLabel { store }, source()));
        let figures = Figures(figures.collect());
        figures.lookups(encoder.encode_descriptor(
            "cache_lookups",
            "Lookups, by result: a hit, a load from the store, or coalesced with the load of another",
            None,
            MetricType::Counter,
        )?)?;
        figures.stale(encoder.encode_descriptor(
            "cache_stale",
            "Lookups that were answered with a stale record because the store failed",
            None,
            MetricType::Counter,
        )?)?;
        let entries = encoder.encode_descriptor(
            "cache_entries",
            "Answers in the cache",
            None,
            MetricType::Gauge,
        )?;
        figures.gauge(entries, |figures| Some(figures.entries))?;
        let size = encoder.encode_descriptor(
            "cache_size",
            "Estimated size of the answers in the cache",
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?;
        figures.gauge(size, |figures| Some(figures.bytes))?;
        let confirmed_age = encoder.encode_descriptor(
            "cache_confirmed_age",
            "How long ago the cache was last known to be current",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        figures.gauge(confirmed_age, |figures| {
            figures.confirmed_age.map(|age| age.as_secs_f64())
        })
    }
}

impl fmt::Debug for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caches").finish_non_exhaustive()
    }
}
