//! [`StoreRegistrar`]: registers sessions in a store, without a resolver in
//! between.

use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord,
    SessionRegistry, StoreError, SystemClock, async_trait,
};

use crate::registrar::{Registrar, RegistrarError};

/// Registers sessions in a [`SessionRegistry`], by the clock of this machine.
#[derive(Debug, Clone)]
pub struct StoreRegistrar {
    registry: Arc<dyn SessionRegistry>,
    token: LeaseToken,
    clock: Arc<dyn Clock>,
}

impl StoreRegistrar {
    /// Registers in `registry` under `token`.
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
            RegisterError::Store(error) => unavailable(error),
            other => RegistrarError::Unavailable(Box::new(other)),
        })
    }

    async fn renew(&self, id: &SessionId, ttl: Duration) -> Result<(), RegistrarError> {
        let now = self.clock.now();
        let expiry = Expiry::At(now.saturating_add(ttl));
        let renewed = self.registry.renew(id, &self.token, expiry, now).await;
        renewed.map_err(|error| match error {
            RenewError::LeaseLost => RegistrarError::LeaseLost,
            RenewError::Store(error) => unavailable(error),
            other => RegistrarError::Unavailable(Box::new(other)),
        })
    }

    async fn deregister(&self, id: &SessionId) -> Result<(), RegistrarError> {
        let removed = self.registry.deregister(id, &self.token).await;
        removed.map(|_| ()).map_err(unavailable)
    }
}

fn unavailable(error: StoreError) -> RegistrarError {
    RegistrarError::Unavailable(Box::new(error))
}
