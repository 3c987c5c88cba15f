//! [`MemoryStore`]: sessions in a map, and the reference implementation of
//! every contract.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::{
    Expiry, ImportOutcome, LeaseToken, ListError, OnConflict, Page, PageToken, RegisterError,
    RenewError, SessionId, SessionImport, SessionListing, SessionRecord, SessionRegistry,
    SessionStore, StoreError, Timestamp,
};

/// A store that keeps sessions in memory, for tests and for services that fill
/// it from their own source. The sessions are lost when the process ends.
///
/// ```
/// use dcv_resolver_core::{ListError, RenewError, RegisterError, Expiry, MemoryStore, SessionRecord};
///
/// let store = MemoryStore::new();
/// store.insert(
///     SessionRecord::builder("console".parse()?, "192.0.2.7".parse()?, Expiry::Never)
///         .http_port(8443)
///         .build()?,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MemoryStore {
    sessions: RwLock<Sessions>,
}

type Sessions = BTreeMap<SessionId, Entry>;

struct Entry {
    record: SessionRecord,
    /// `None` for a record that was inserted without a lease.
    token: Option<LeaseToken>,
}

impl Entry {
    fn is_taken(&self, token: &LeaseToken, now: Timestamp) -> bool {
        self.record.is_live(now) && self.token.as_ref() != Some(token)
    }
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts a record without a lease, and returns the record of the same id
    /// that it replaces.
    pub fn insert(&self, record: SessionRecord) -> Option<SessionRecord> {
        put(&mut self.write(), record, None)
    }

    /// Removes a record regardless of its lease, and returns it.
    pub fn remove(&self, id: &SessionId) -> Option<SessionRecord> {
        self.write().remove(id).map(|entry| entry.record)
    }

    // Nothing panics in the middle of a change, so the map behind a poisoned
    // lock is consistent.
    fn read(&self) -> RwLockReadGuard<'_, Sessions> {
        self.sessions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Sessions> {
        self.sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows the number of sessions, but no session.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("sessions", &self.read().len())
            .finish()
    }
}

fn put(
    sessions: &mut Sessions,
    record: SessionRecord,
    token: Option<LeaseToken>,
) -> Option<SessionRecord> {
    sessions
        .insert(record.id().clone(), Entry { record, token })
        .map(|entry| entry.record)
}

impl FromIterator<SessionRecord> for MemoryStore {
    fn from_iter<I: IntoIterator<Item = SessionRecord>>(records: I) -> Self {
        let mut sessions = Sessions::new();
        for record in records {
            put(&mut sessions, record, None);
        }
        Self {
            sessions: RwLock::new(sessions),
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        Ok(self.read().get(id).map(|entry| entry.record.clone()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionListing for MemoryStore {
    /// Pages are ordered by id; a page token is the last id.
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        let after = match page {
            None => Bound::Unbounded,
            Some(token) => Bound::Excluded(
                SessionId::new(token.as_str()).map_err(ListError::invalid_page_token)?,
            ),
        };
        let sessions = self.read();
        let mut rest = sessions.range((after, Bound::Unbounded));
        let records: Vec<_> = rest
            .by_ref()
            .take(limit.get())
            .map(|(_, entry)| entry.record.clone())
            .collect();
        let next = match (rest.next(), records.last()) {
            (Some(_), Some(last)) => Some(PageToken::new(last.id().as_str())),
            _ => None,
        };
        Ok(Page::new(records, next))
    }
}

#[async_trait]
impl SessionRegistry for MemoryStore {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let mut sessions = self.write();
        if sessions
            .get(record.id())
            .is_some_and(|entry| entry.is_taken(token, now))
        {
            return Err(RegisterError::AlreadyExists);
        }
        put(&mut sessions, record.clone(), Some(*token));
        Ok(())
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let mut sessions = self.write();
        let entry = sessions
            .get_mut(id)
            .filter(|entry| entry.record.is_live(now) && entry.token.as_ref() == Some(token))
            .ok_or_else(|| RenewError::LeaseLost)?;
        entry.record = entry.record.clone().with_expiry(expiry);
        Ok(())
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let mut sessions = self.write();
        let owned = sessions
            .get(id)
            .is_some_and(|entry| entry.token.as_ref() == Some(token));
        if owned {
            sessions.remove(id);
        }
        Ok(owned)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut sessions = self.write();
        let before = sessions.len();
        sessions.retain(|_, entry| entry.record.is_live(now));
        Ok((before - sessions.len()) as u64)
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl SessionImport for MemoryStore {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let mut sessions = self.write();
        let imported = records.iter().map(|record| {
            let taken = sessions
                .get(record.id())
                .is_some_and(|entry| entry.is_taken(token, now));
            if taken && on_conflict == OnConflict::Skip {
                return ImportOutcome::Skipped;
            }
            put(&mut sessions, record.clone(), Some(*token));
            ImportOutcome::Stored
        });
        Ok(imported.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::session;

    /// The conformance tests, which check the whole contract, are in another
    /// crate.
    #[tokio::test]
    async fn only_the_token_of_the_record_renews_and_removes_it() {
        let [ours, theirs] = [1, 2].map(|byte| LeaseToken::from_bytes([byte; 16]));
        let (store, record) = (MemoryStore::new(), session("console"));
        let (id, now) = (record.id(), Timestamp::from_unix_ms(0));
        store.register(&record, &ours, now).await.unwrap();
        let refused = store.register(&record, &theirs, now).await;
        assert!(matches!(refused, Err(RegisterError::AlreadyExists)));
        let refused = store.renew(id, &theirs, Expiry::Never, now).await;
        assert!(matches!(refused, Err(RenewError::LeaseLost)));
        assert!(!store.deregister(id, &theirs).await.unwrap());
        store.register(&record, &ours, now).await.unwrap();
        assert!(store.deregister(id, &ours).await.unwrap());
    }
}
