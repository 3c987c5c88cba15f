//! [`WriteHealth`]: whether one registry can be written, according to its
//! checks.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::SessionRegistry;

use crate::health_event::HealthEvent;
use crate::ping::{PingError, within};

/// How often each registry is checked. It writes, so less often than it is
/// pinged.
pub(crate) const CHECK_PERIOD: Duration = Duration::from_secs(10);
/// How long a check may take: it waits for other writers, such as an import.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A registry, and whether it can be written.
#[derive(Debug, Clone)]
pub(crate) struct WriteHealth {
    store: Arc<str>,
    registry: Arc<dyn SessionRegistry>,
    /// The result of the last check.
    result: Option<Result<(), String>>,
}

impl WriteHealth {
    pub(crate) fn new(store: Arc<str>, registry: Arc<dyn SessionRegistry>) -> Self {
        Self {
            store,
            registry,
            result: None,
        }
    }

    pub(crate) fn store(&self) -> &Arc<str> {
        &self.store
    }

    /// Returns whether both are the same object under the same name.
    pub(crate) fn is_same_registry(&self, other: &Self) -> bool {
        self.store == other.store && Arc::ptr_eq(&self.registry, &other.registry)
    }

    /// Returns whether no check of it has completed yet.
    pub(crate) fn is_new(&self) -> bool {
        self.result.is_none()
    }

    pub(crate) fn result(&self) -> Option<Result<(), &str>> {
        let result = self.result.as_ref()?;
        Some(result.as_ref().copied().map_err(String::as_str))
    }

    pub(crate) async fn check(&self) -> Result<(), PingError> {
        within(CHECK_TIMEOUT, async {
            self.registry.check_writable().await
        })
        .await
    }

    /// Records the result of a check. An event is a change, or another error.
    pub(crate) fn record(&mut self, result: &Result<(), PingError>) -> Option<HealthEvent> {
        let new = result.as_ref().copied().map_err(ToString::to_string);
        let store = Arc::clone(&self.store);
        let event = match result {
            Ok(()) => HealthEvent::Writable { store },
            Err(error) => HealthEvent::NotWritable {
                store,
                error: error.in_full(),
            },
        };
        // The first success is not worth an event.
        let is_change = self.result.as_ref().unwrap_or(&Ok(())) != &new;
        self.result = Some(new);
        is_change.then_some(event)
    }
}
