//! [`Watched`]: what is put together when the metrics are shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
#[cfg(feature = "server")]
use prometheus_client::encoding::NoLabelSet;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::StoreLabel;
use crate::in_flight::InFlight;
#[cfg(feature = "server")]
use crate::server::Connections;

type Age = Arc<dyn Fn() -> Option<Duration> + Send + Sync>;

#[derive(Default)]
pub(super) struct Watched {
    /// `None` until it is told: 0 would be an alarm where nobody tells it.
    ready: Mutex<Option<bool>>,
    /// Of all routers that are still there: one that was replaced may have
    /// requests in flight.
    in_flight: Mutex<Vec<Weak<InFlight>>>,
    ages: Mutex<BTreeMap<Arc<str>, Age>>,
    #[cfg(feature = "server")]
    connections: Mutex<Option<Connections>>,
}

impl Watched {
    pub(super) fn ready(&self, ready: bool) {
        *lock(&self.ready) = Some(ready);
    }

    pub(super) fn in_flight(&self, in_flight: &Arc<InFlight>) {
        let mut all = lock(&self.in_flight);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(in_flight));
    }

    pub(super) fn age(&self, store: Arc<str>, age: Age) {
        lock(&self.ages).insert(store, age);
    }

    pub(super) fn forget_age(&self, store: &str) {
        lock(&self.ages).remove(store);
    }

    #[cfg(feature = "server")]
    pub(super) fn connections(&self, connections: Connections) {
        *lock(&self.connections) = Some(connections);
    }

    fn encode_ready(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(ready) = *lock(&self.ready) else {
            return Ok(());
        };
        encoder
            .encode_descriptor(
                "ready",
                "Whether the resolver says that it is ready",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::from(ready))
    }

    fn encode_in_flight(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let count: usize = lock(&self.in_flight)
            .iter()
            .filter_map(Weak::upgrade)
            .map(|in_flight| in_flight.count())
            .sum();
        encoder
            .encode_descriptor(
                "in_flight_requests",
                "Requests that are being decided",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn encode_ages(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that nobody waits for what the functions do.
        let ages = lock(&self.ages).clone();
        if ages.is_empty() {
            return Ok(());
        }
        let mut metric = encoder.encode_descriptor(
            "served_data_age",
            "How old the data is that the store serves",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for (store, age) in ages {
            if let Some(age) = age() {
                metric
                    .encode_family(&StoreLabel { store })?
                    .encode_gauge(&age.as_secs_f64())?;
            }
        }
        Ok(())
    }

    #[cfg(feature = "server")]
    fn encode_connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(connections) = lock(&self.connections).clone() else {
            return Ok(());
        };
        let open = i64::try_from(connections.open()).unwrap_or(i64::MAX);
        encoder
            .encode_descriptor(
                "connections_open",
                "Connections that are open",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&open)?;
        for (name, help, count) in [
            (
                "connections_accepted",
                "Connections that were accepted",
                connections.accepted_total(),
            ),
            (
                "connections_cut",
                "Connections that were still busy when the shutdown's grace was over",
                connections.cut_total(),
            ),
            (
                "tls_handshakes_failed",
                "TLS handshakes that came to nothing",
                connections.tls_handshakes_failed_total(),
            ),
        ] {
            encoder
                .encode_descriptor(name, help, None, MetricType::Counter)?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_ready(&mut encoder)?;
        self.encode_in_flight(&mut encoder)?;
        #[cfg(feature = "server")]
        self.encode_connections(&mut encoder)?;
        self.encode_ages(&mut encoder)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
