use dcv_resolver_core::{
    SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind, async_trait,
};

use crate::bug::Bug;
use crate::edit::add_ms;
use crate::judge::server_time;
use crate::place::{BuggyStore, error};

impl BuggyStore {
    fn lookup_now(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let mut rows = self.rows();
        let found = self.find(&rows, id).map(|row| row.record.clone());
        let is_expired = found
            .as_ref()
            .is_some_and(|record| !record.is_live(server_time()));
        match self.bug {
            Some(Bug::AbsenceIsAnError) if found.is_none() => Err(error(StoreErrorKind::Other)),
            Some(Bug::AnEmptyStoreIsDown) if rows.is_empty() => {
                Err(error(StoreErrorKind::Unavailable))
            }
            Some(Bug::TheServersClockDecides) if is_expired => Ok(None),
            Some(Bug::LookupUsesUpWhatIsExpired) if is_expired => {
                self.remove(&mut rows, &self.key(id));
                Ok(found)
            }
            Some(Bug::LookupExtendsTheLease) => {
                if let Some(row) = rows.get_mut(&self.key(id)) {
                    let later = add_ms(row.record.expiry(), 1);
                    row.record = row.record.clone().with_expiry(later);
                }
                Ok(found)
            }
            Some(Bug::LookupsAreCachedByOneStore) => {
                let mut cache = self.cache.lock().unwrap();
                Ok(cache.entry(id.clone()).or_insert(found).clone())
            }
            _ => Ok(found),
        }
    }
}

#[async_trait]
impl SessionStore for BuggyStore {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        *self.buffer.lock().unwrap() = Some(id.clone());
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::OutageIsAbsence) => return Ok(None),
            connection => connection?,
        };
        let answer = if self.has(Bug::LookupsShareABuffer) {
            let buffer = self.buffer.lock().unwrap().clone();
            self.lookup_now(&buffer.unwrap())
        } else {
            self.lookup_now(id)
        };
        connection.close().await;
        answer
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::PingIgnoresOutages) => return Ok(()),
            connection => connection?,
        };
        let fails = match self.bug {
            Some(Bug::AnEmptyStoreIsDown) => self.rows().is_empty(),
            Some(Bug::PingNeedsASessionCalledPing) => !self.rows().contains_key("ping"),
            _ => false,
        };
        connection.close().await;
        if fails {
            return Err(error(StoreErrorKind::Unavailable));
        }
        Ok(())
    }
}
