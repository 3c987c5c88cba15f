//! [`ConnectionStats`], and how the metrics show them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::labels::{FailureLabels, ListenerLabel};

/// The connections of a server, for
/// [`Metrics::watch_connections`](crate::Metrics::watch_connections).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// How many connections may be open.
    pub max: u64,
    /// Open connections.
    pub open: u64,
    /// Connections accepted so far.
    pub accepted: u64,
    /// Idle connections that were closed to make room for others.
    pub evicted: u64,
    /// Connections that were still busy at the end of the shutdown's grace
    /// period.
    pub aborted: u64,
    /// Connections that were refused so far, by cause.
    pub refused: Vec<(&'static str, u64)>,
    /// Connections that ended without an answer so far, by cause.
    pub failed: Vec<(&'static str, u64)>,
    /// Failed TLS handshakes so far, by cause.
    pub tls_handshakes_failed: Vec<(&'static str, u64)>,
}

type Stats = Arc<dyn Fn() -> ConnectionStats + Send + Sync>;

/// The connections of each listener.
#[derive(Default)]
pub(super) struct Connections(Mutex<BTreeMap<&'static str, Stats>>);

/// A metric with one value for each listener.
type Total = (
    &'static str,
    &'static str,
    MetricType,
    fn(&ConnectionStats) -> u64,
);
/// A metric with one value for each listener and cause.
type ByCause = (
    &'static str,
    &'static str,
    fn(&ConnectionStats) -> &[(&'static str, u64)],
);

const TOTALS: [Total; 5] = [
    (
        "connections_open",
        "Connections that are open.",
        MetricType::Gauge,
        |stats| stats.open,
    ),
    (
        "connections_max",
        "Connections that may be open.",
        MetricType::Gauge,
        |stats| stats.max,
    ),
    (
        "connections_accepted",
        "Connections that were accepted.",
        MetricType::Counter,
        |stats| stats.accepted,
    ),
    (
        "connections_evicted",
        "Idle connections that were closed to make room for others.",
        MetricType::Counter,
        |stats| stats.evicted,
    ),
    (
        "connections_aborted",
        "Connections that were still busy when the shutdown's grace period was over.",
        MetricType::Counter,
        |stats| stats.aborted,
    ),
];

const BY_CAUSE: [ByCause; 3] = [
    (
        "connections_refused",
        "Connections of peers that are not allowed, or have too many.",
        |stats| &stats.refused,
    ),
    (
        "connections_failed",
        "Connections that ended without an answer.",
        |stats| &stats.failed,
    ),
    (
        "tls_handshakes_failed",
        "TLS handshakes that failed.",
        |stats| &stats.tls_handshakes_failed,
    ),
];

impl Connections {
    pub(super) fn watch(&self, listener: &'static str, stats: Stats) {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.insert(listener, stats);
    }
}

impl Collector for Connections {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that the functions run without the lock.
        let watched = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let all: Vec<_> = watched
            .into_iter()
            .map(|(name, stats)| (name, stats()))
            .collect();
        if all.is_empty() {
            return Ok(());
        }
        for (name, help, kind, value) in TOTALS {
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (listener, stats) in &all {
                encode(&mut metric, &ListenerLabel { listener }, kind, value(stats))?;
            }
        }
        for (name, help, values) in BY_CAUSE {
            let kind = MetricType::Counter;
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (listener, stats) in &all {
                for &(cause, value) in values(stats) {
                    encode(&mut metric, &FailureLabels { listener, cause }, kind, value)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(
    metric: &mut MetricEncoder<'_>,
    labels: &impl EncodeLabelSet,
    kind: MetricType,
    value: u64,
) -> fmt::Result {
    let mut family = metric.encode_family(labels)?;
    match kind {
        MetricType::Counter => family.encode_counter::<NoLabelSet, _, u64>(&value, None),
        _ => family.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
