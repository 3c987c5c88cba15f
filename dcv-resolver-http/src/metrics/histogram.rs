//! [`Histogram`]: durations, counted without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// From what a store in memory takes to more than the time budget.
const DECISIONS: [Duration; 14] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
];

/// From a hiccup to a day.
const OUTAGES: [Duration; 9] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// The histogram of prometheus-client takes a lock for each observation, which
/// every request would wait for.
#[derive(Debug, Clone)]
pub(super) struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The upper bounds of the buckets but the last, which has none.
    bounds: &'static [Duration],
    counts: Box<[AtomicU64]>,
    /// Room for 584 years.
    sum_ns: AtomicU64,
}

impl Histogram {
    /// How long decisions take.
    pub(super) fn of_decisions() -> Self {
        Self::new(&DECISIONS)
    }

    /// How old what is served is, while a store fails.
    pub(super) fn of_outages() -> Self {
        Self::new(&OUTAGES)
    }

    fn new(bounds: &'static [Duration]) -> Self {
        Self(Arc::new(Inner {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_ns: AtomicU64::new(0),
        }))
    }

    pub(super) fn observe(&self, duration: Duration) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < duration);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = self
            .0
            .bounds
            .iter()
            .map(Duration::as_secs_f64)
            .chain([f64::INFINITY]);
        let counts = self
            .0
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        // Of the buckets just read, so that it is the last one's in any case.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        for bounds in [&DECISIONS[..], &OUTAGES] {
            for (bucket, bound) in bounds.iter().enumerate() {
                let histogram = Histogram::new(bounds);
                histogram.observe(*bound);
                histogram.observe(*bound + Duration::from_nanos(1));
                let counts = histogram.0.counts.iter();
                let counts: Vec<_> = counts.map(|count| count.load(Ordering::Relaxed)).collect();
                assert_eq!(counts[bucket..bucket + 2], [1, 1], "{bound:?}");
            }
        }
    }

    #[test]
    fn the_longest_duration_of_all_is_counted() {
        let histogram = Histogram::of_decisions();
        histogram.observe(Duration::MAX);
        let last = histogram.0.counts.last().unwrap();
        assert_eq!(last.load(Ordering::Relaxed), 1);
    }
}
