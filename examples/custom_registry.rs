//! A registry of your own: sessions in a map, which passes the conformance
//! tests. Replace the map with your database, and each lock with a transaction.
//!
//! ```text
//! cargo test --example custom_registry
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::{
    Clock, Expiry, LeaseToken, ListError, Page, PageToken, RegisterError, RenewError, SessionId,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, SystemClock,
    Timestamp, async_trait,
};

/// The records and their leases, by id.
#[derive(Default)]
struct Registry(Mutex<Rows>);

type Rows = BTreeMap<SessionId, (SessionRecord, LeaseToken)>;

impl Registry {
    /// Nothing panics while it is locked, so what a panic leaves is consistent.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows no session: it is printed in logs.
impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({} sessions)", self.rows().len())
    }
}

#[async_trait]
impl SessionStore for Registry {
    /// Returns expired records too: the resolver judges them.
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.rows().get(id).map(|(record, _)| record.clone()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for Registry {
    /// A page begins after the id that its token names, even if that session
    /// has been removed: an offset would skip one.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = page.map(|token| SessionId::new(token.as_str()));
        let after = after.transpose().map_err(ListError::invalid_page_token)?;
        let rows = self.rows();
        let is_rest = |id: &SessionId| after.as_ref().is_none_or(|after| id > after);
        let mut rest = rows.iter().filter(|(id, _)| is_rest(id));
        let records: Vec<_> = rest
            .by_ref()
            .take(limit.get())
            .map(|(_, row)| row.0.clone())
            .collect();
        let last = records
            .last()
            .map(|record| PageToken::new(record.id().as_str()));
        let next = rest.next().and(last);
        Ok(Page::new(records, next))
    }
}

#[async_trait]
impl SessionRegistry for Registry {
    /// Checks and stores under one lock, so one of several concurrent calls
    /// wins.
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut rows = self.rows();
        if let Some((held, owner)) = rows.get(record.id())
            && held.is_live(now)
            && owner != token
        {
            return Err(RegisterError::AlreadyExists);
        }
        rows.insert(record.id().clone(), (record.clone(), *token));
        Ok(())
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        match self.rows().get_mut(id) {
            Some((record, owner)) if record.is_live(now) && owner == token => {
                *record = record.clone().with_expiry(expiry);
                Ok(())
            }
            _ => Err(RenewError::LeaseLost),
        }
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let is_owner = rows.get(id).is_some_and(|(_, owner)| owner == token);
        Ok(is_owner && rows.remove(id).is_some())
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.len();
        rows.retain(|_, (record, _)| record.is_live(now));
        Ok((before - rows.len()) as u64)
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Arc::new(Registry::default());
    let record = SessionRecord::builder("ann".parse()?, "192.0.2.7".parse()?, Expiry::Never);
    let (record, token) = (
        record.http_port(8443).build()?,
        LeaseToken::from_bytes([7; 16]),
    );
    registry
        .register(&record, &token, SystemClock.now())
        .await?;
    println!("{:?}", registry.lookup(record.id()).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use dcv_resolver_conformance::{Fixture, conformance, register_each};

    use super::*;

    struct Sessions(Arc<Registry>);

    impl Fixture for Sessions {
        type Store = Arc<Registry>;

        async fn new() -> Self {
            Self(Arc::default())
        }

        async fn seed(&self, records: &[SessionRecord]) {
            register_each(&self.0, records, self.t0()).await;
        }

        async fn open(&self) -> Self::Store {
            Arc::clone(&self.0)
        }
    }

    conformance!(read, list, registry, shared; Sessions);
}
