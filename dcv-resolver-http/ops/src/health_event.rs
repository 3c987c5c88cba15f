//! [`HealthEvent`]: a change of a store's health, for the log.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::escape::escaped;

use crate::durations::as_ms;

const MAX_ERROR_BYTES: usize = 1024;

/// A change of a store's health that is logged.
#[derive(Debug)]
pub(crate) enum HealthEvent {
    Answers {
        store: Arc<str>,
        silent_for: Option<Duration>,
    },
    Fails {
        store: Arc<str>,
        error: String,
    },
    Writable {
        store: Arc<str>,
    },
    NotWritable {
        store: Arc<str>,
        error: String,
    },
}

impl HealthEvent {
    pub(crate) fn log(&self) {
        match self {
            Self::Answers { store, silent_for } => tracing::info!(
                target: "dcv_resolver::readiness",
                store = &**store,
                silent_for_ms = silent_for.map(as_ms),
                "the store answers",
            ),
            Self::Fails { store, error } => tracing::warn!(
                target: "dcv_resolver::readiness",
                store = &**store,
                error = &*escaped(error, MAX_ERROR_BYTES),
                "the store does not answer",
            ),
            Self::Writable { store } => tracing::info!(
                target: "dcv_resolver::readiness",
                store = &**store,
                "the store is writable again",
            ),
            Self::NotWritable { store, error } => tracing::warn!(
                target: "dcv_resolver::readiness",
                store = &**store,
                error = &*escaped(error, MAX_ERROR_BYTES),
                "the store is not writable: sessions can be found, but neither registered nor renewed",
            ),
        }
    }
}
