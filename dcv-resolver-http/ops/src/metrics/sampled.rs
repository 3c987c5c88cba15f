//! [`Sampled`]: values that are read each time the metrics are shown.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dcv_resolver_http::InFlight;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::labels::StoreLabel;
use crate::readiness::Readiness;
use crate::report::{Report, StoreState};

type Count = Arc<dyn Fn() -> u64 + Send + Sync>;
type Age = Arc<dyn Fn() -> Option<Duration> + Send + Sync>;

#[derive(Default)]
pub(super) struct Sampled {
    readiness: Mutex<Option<Readiness>>,
    /// Of every service that is alive: one that was replaced may have requests
    /// in flight.
    in_flight: Mutex<Vec<InFlight>>,
    dropped_log_lines: Mutex<Option<Count>>,
    ages: Mutex<BTreeMap<Arc<str>, Age>>,
}

impl Sampled {
    pub(super) fn set_readiness(&self, readiness: Readiness) {
        *lock(&self.readiness) = Some(readiness);
    }

    pub(super) fn add_in_flight(&self, in_flight: InFlight) {
        let mut all = lock(&self.in_flight);
        all.retain(|one| one.count().is_some());
        all.push(in_flight);
    }

    pub(super) fn set_dropped_log_lines(&self, dropped: Count) {
        *lock(&self.dropped_log_lines) = Some(dropped);
    }

    pub(super) fn set_age(&self, store: Arc<str>, age: Age) {
        lock(&self.ages).insert(store, age);
    }

    pub(super) fn remove_age(&self, store: &str) {
        lock(&self.ages).remove(store);
    }

    fn encode_readiness(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(readiness) = lock(&self.readiness).clone() else {
            return Ok(());
        };
        let report = readiness.report();
        encoder
            .encode_descriptor(
                "ready",
                "Whether gateways may be sent to this process.",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::from(report.ready))?;
        let mut metric = encoder.encode_descriptor(
            "store_up",
            "Whether the store answered its last ping.",
            None,
            MetricType::Gauge,
        )?;
        for store in &report.stores {
            let is_up = store.state == StoreState::Up;
            let store = store.store.as_str().into();
            metric
                .encode_family(&StoreLabel { store })?
                .encode_gauge(&i64::from(is_up))?;
        }
        let mut metric = encoder.encode_descriptor(
            "store_warnings",
            "How many warnings /readyz shows about the store.",
            None,
            MetricType::Gauge,
        )?;
        for store in &report.stores {
            let warnings = i64::try_from(store.warnings.len()).unwrap_or(i64::MAX);
            let store = store.store.as_str().into();
            metric
                .encode_family(&StoreLabel { store })?
                .encode_gauge(&warnings)?;
        }
        encode_writable(&report, encoder)
    }

    fn encode_in_flight(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let in_flight = lock(&self.in_flight).clone();
        if in_flight.is_empty() {
            return Ok(());
        }
        let count: usize = in_flight.iter().filter_map(InFlight::count).sum();
        encoder
            .encode_descriptor(
                "in_flight_requests",
                "Requests that are being decided.",
                None,
                MetricType::Gauge,
            )?
            .encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn encode_dropped_log_lines(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(dropped) = lock(&self.dropped_log_lines).clone() else {
            return Ok(());
        };
        encoder
            .encode_descriptor(
                "log_lines_dropped",
                "Lines of the log that could not be written, or not fast enough.",
                None,
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, _, u64>(&dropped(), None)
    }

    fn encode_ages(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Copied, so that the functions run without the lock.
        let ages = lock(&self.ages).clone();
        if ages.is_empty() {
            return Ok(());
        }
        let mut metric = encoder.encode_descriptor(
            "served_data_age",
            "How old the data is that the store serves.",
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
}

fn encode_writable(report: &Report, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let checked = report
        .stores
        .iter()
        .filter_map(|store| Some((store.store.as_str(), store.writable?)));
    if checked.clone().next().is_none() {
        return Ok(());
    }
    let mut metric = encoder.encode_descriptor(
        "store_writable",
        "Whether sessions could be registered in the store when it was last checked.",
        None,
        MetricType::Gauge,
    )?;
    for (store, is_writable) in checked {
        let store = store.into();
        metric
            .encode_family(&StoreLabel { store })?
            .encode_gauge(&i64::from(is_writable))?;
    }
    Ok(())
}

impl Collector for Sampled {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_readiness(&mut encoder)?;
        self.encode_in_flight(&mut encoder)?;
        self.encode_dropped_log_lines(&mut encoder)?;
        self.encode_ages(&mut encoder)
    }
}

impl fmt::Debug for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampled").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
