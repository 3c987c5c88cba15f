//! [`Caches`]: what caches in front of stores have done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::StoreLabel;

/// What the cache in front of one store has done, as
/// [`Metrics::watch_cache`](crate::Metrics::watch_cache) shows it.
///
/// ```
/// use dcv_resolver_http::CacheFigures;
///
/// let mut figures = CacheFigures::default();
/// figures.hits = 1_000;
/// figures.calls = 1;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFigures {
    /// Lookups that were answered without the store.
    pub hits: u64,
    /// Calls to the store that lookups began.
    pub calls: u64,
    /// Lookups that joined a call which another had begun.
    pub joins: u64,
    /// Lookups that were answered with a stale record, while the store failed.
    pub stale: u64,
    /// How many answers it holds.
    pub entries: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// How long ago it was last known to be current; `None` where nobody says
    /// so.
    pub confirmed_age: Option<Duration>,
}

type Source = Arc<dyn Fn() -> CacheFigures + Send + Sync>;

/// Where the figures come from, by store.
#[derive(Default)]
pub(super) struct Caches(Mutex<BTreeMap<Arc<str>, Source>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    store: Arc<str>,
    result: &'static str,
}

impl Caches {
    pub(super) fn watch(&self, store: Arc<str>, source: Source) {
        self.lock().insert(store, source);
    }

    pub(super) fn forget(&self, store: &str) {
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
                ("call", figures.calls),
                ("join", figures.joins),
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
        // Copied, so that nobody waits for what the functions do.
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
            "Lookups, by what came of them: a hit, a call to the store, or a call that was joined",
            None,
            MetricType::Counter,
        )?)?;
        figures.stale(encoder.encode_descriptor(
            "cache_stale",
            "Lookups that were answered with a stale record, because the store failed",
            None,
            MetricType::Counter,
        )?)?;
        let entries = encoder.encode_descriptor(
            "cache_entries",
            "Answers that the cache holds",
            None,
            MetricType::Gauge,
        )?;
        figures.gauge(entries, |figures| Some(figures.entries))?;
        let size = encoder.encode_descriptor(
            "cache_size",
            "What the answers take that the cache holds, by estimate",
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
