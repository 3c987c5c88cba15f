//! [`StoreRegistrar`]: registers sessions in a store, without a resolver in
//! between.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord,
    SessionRegistry, StoreError, StoreErrorKind, SystemClock, async_trait,
};

use crate::registrar::{Registrar, RegistrarError};

/// A [`Registrar`] that registers sessions in a [`SessionRegistry`], by the
/// clock of this machine.
#[derive(Debug, Clone)]
pub struct StoreRegistrar {
    registry: Arc<dyn SessionRegistry>,
    token: LeaseToken,
    clock: Arc<dyn Clock>,
}

impl StoreRegistrar {
    /// Creates a registrar that registers in `registry` under `token`.
    #[must_use]
    pub fn new(registry: Arc<dyn SessionRegistry>, token: LeaseToken) -> Self {
        Self {
            registry,
            token,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

#[async_trait]
impl Registrar for StoreRegistrar {
    async fn register(&self, record: &SessionRecord, ttl: Duration) -> Result<(), RegistrarError> {
        let now = self.clock.now();
        let record = record
            .clone()
            .with_expiry(Expiry::At(now.saturating_add(ttl)));
        let registered = self.registry.register(&record, &self.token, now).await;
        registered.map_err(|error| match error {
            RegisterError::AlreadyExists => RegistrarError::AlreadyExists,
            RegisterError::Store(error) => failed(error),
            other => RegistrarError::Unavailable(Box::new(other)),
        })
    }

    async fn renew(&self, id: &SessionId, ttl: Duration) -> Result<(), RegistrarError> {
        let now = self.clock.now();
        let expiry = Expiry::At(now.saturating_add(ttl));
        let renewed = self.registry.renew(id, &self.token, expiry, now).await;
        renewed.map_err(|error| match error {
            RenewError::LeaseLost => RegistrarError::LeaseLost,
            RenewError::Store(error) => failed(error),
            other => RegistrarError::Unavailable(Box::new(other)),
        })
    }

    async fn deregister(&self, id: &SessionId) -> Result<(), RegistrarError> {
        let removed = self.registry.deregister(id, &self.token).await;
        removed.map(|_| ()).map_err(failed)
    }
}

/// Converts an error of the store. It is worth trying again soon, unless the store
/// holds a record that this version cannot read: that stays until someone removes
/// it, or it expires.
fn failed(error: StoreError) -> RegistrarError {
    match error.kind() {
        StoreErrorKind::CorruptRecord | StoreErrorKind::Incompatible => {
            RegistrarError::Refused(Box::new(error))
        }
        _ => RegistrarError::Unavailable(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::MemoryStore;
    use dcv_resolver_core::testing::{FaultyStore, session};

    use super::*;

    #[tokio::test]
    async fn record_that_cannot_be_read_is_refused_and_an_outage_is_not() {
        let store = FaultyStore::new(MemoryStore::new());
        let token = LeaseToken::from_bytes([7; LeaseToken::BYTES]);
        let registrar = StoreRegistrar::new(Arc::new(store.clone()), token);
        let record = session("a");
        let ttl = Duration::from_secs(90);
        for (kind, is_refused) in [
            (StoreErrorKind::CorruptRecord, true),
            (StoreErrorKind::Incompatible, true),
            (StoreErrorKind::CorruptStore, false),
            (StoreErrorKind::Unavailable, false),
        ] {
            store.fail_with(kind);
            for done in [
                registrar.register(&record, ttl).await,
                registrar.renew(record.id(), ttl).await,
                registrar.deregister(record.id()).await,
            ] {
                match done.unwrap_err() {
                    RegistrarError::Refused(_) => assert!(is_refused, "{kind}"),
                    RegistrarError::Unavailable(_) => assert!(!is_refused, "{kind}"),
                    other => panic!("{kind}: {other}"),
                }
            }
        }
    }
}
