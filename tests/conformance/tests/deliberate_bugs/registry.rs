use dcv_resolver_core::{
    Expiry, LeaseToken, RegisterError, RenewError, SessionId, SessionRecord, SessionRegistry,
    StoreError, StoreErrorKind, Timestamp, async_trait,
};
use tokio::sync::MutexGuard;

use crate::bug::Bug;
use crate::edit::without_labels;
use crate::place::{BuggyStore, Row, Rows, error, pause};

impl BuggyStore {
    async fn lock(&self) -> Result<Option<MutexGuard<'_, ()>>, StoreError> {
        match self.bug {
            Some(Bug::LocksAreOfOneStore) => Ok(Some(self.writer.lock().await)),
            Some(Bug::RegisterFailsWhenBusy) => match self.place.writer.try_lock() {
                Ok(guard) => Ok(Some(guard)),
                Err(_) => Err(error(StoreErrorKind::Unavailable)),
            },
            _ => Ok(None),
        }
    }

    /// `taken` is for the bugs that have looked before.
    fn register_now(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
        taken: Option<bool>,
    ) -> Result<(), RegisterError> {
        let key = self.key(record.id());
        let mut rows = self.rows();
        if taken.unwrap_or_else(|| self.is_taken(&rows, &key, token, now)) {
            return Err(RegisterError::AlreadyExists);
        }
        match self.bug {
            Some(Bug::RegisterForgetsEveryTenth) if rows.len() % 10 == 9 => return Ok(()),
            Some(Bug::RegisterIgnoresWhatIsExpired) if !record.is_live(now) => return Ok(()),
            _ => {}
        }
        let before = rows.get(&key).cloned();
        self.put(&mut rows, record, Some(*token));
        if let (Some(before), Some(row)) = (before, rows.get_mut(&key)) {
            if self.has(Bug::RegisterMergesFields) {
                let mut merged = row.record.to_builder();
                for (name, value) in before.record.labels() {
                    merged = merged.label(name, value);
                }
                row.record = merged.build().unwrap();
            }
            if self.has(Bug::RegisterKeepsTheOldToken) {
                row.token = before.token;
            }
        }
        Ok(())
    }

    fn renewable(&self, key: &str, token: &LeaseToken, now: Timestamp) -> Option<Row> {
        let rows = self.rows();
        rows.get(key)
            .filter(|row| self.is_renewable(row, token, now))
            .cloned()
    }

    /// `seen` is for the bug that has looked before.
    fn renew_now(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
        seen: Option<Option<Row>>,
    ) -> Result<(), RenewError> {
        let key = self.key(id);
        let mut rows = self.rows();
        if self.has(Bug::RenewCreates) && !rows.contains_key(&key) {
            let host = "192.0.2.1".parse().unwrap();
            let made = SessionRecord::builder(id.clone(), host, expiry).http_port(1);
            self.put(&mut rows, &made.build().unwrap(), Some(*token));
            return Ok(());
        }
        let row = match seen {
            Some(row) => row,
            None => rows
                .get(&key)
                .filter(|row| self.is_renewable(row, token, now))
                .cloned(),
        };
        let Some(mut row) = row else {
            return Err(RenewError::LeaseLost);
        };
        let record = match self.bug {
            Some(Bug::RenewForgetsLabels) => without_labels(&row.record),
            _ => row.record,
        };
        row.record = match (self.bug, record.expiry(), expiry) {
            (Some(Bug::RenewOnlyExtends), Expiry::Never, _) => record,
            (Some(Bug::RenewOnlyExtends), before, Expiry::At(at)) if !before.is_past(at) => record,
            _ => record.with_expiry(expiry),
        };
        rows.insert(key, row);
        if !self.has(Bug::RenewalsAreNotReported) {
            self.changed(id);
        }
        Ok(())
    }

    fn is_removable_now(&self, key: &str, token: &LeaseToken) -> bool {
        let rows = self.rows();
        rows.get(key)
            .is_some_and(|row| self.is_removable(row, token))
    }

    /// `seen` is for the bug that has looked before.
    fn deregister_now(&self, id: &SessionId, token: &LeaseToken, seen: Option<bool>) -> bool {
        let key = self.key(id);
        let mut rows = self.rows();
        let removable = seen.unwrap_or_else(|| {
            rows.get(&key)
                .is_some_and(|row| self.is_removable(row, token))
        });
        if !removable {
            return self.has(Bug::DeregisterIsAlwaysTrue);
        }
        self.remove(&mut rows, &key);
        if self.has(Bug::DeregisterRemovesAllOfTheToken) {
            rows.retain(|_, row| !self.owns(row, token));
        }
        if self.has(Bug::DeregisterLeavesTheLease) {
            self.place.left.lock().unwrap().insert(key, *token);
        }
        true
    }

    fn ended(&self, rows: &Rows, now: Timestamp) -> Vec<String> {
        let ended = rows.iter().filter(|(_, row)| self.is_swept(row, now));
        ended.map(|(key, _)| key.clone()).collect()
    }

    /// `seen` is for the bug that has looked before.
    fn sweep_now(&self, now: Timestamp, seen: Option<Vec<String>>) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let mut ended = seen.unwrap_or_else(|| self.ended(&rows, now));
        match self.bug {
            Some(Bug::SweepCountsEverything) => return Ok(rows.len() as u64),
            Some(Bug::SweepFailsWhenThereIsNothing) if rows.is_empty() => {
                return Err(error(StoreErrorKind::Other));
            }
            Some(Bug::SweepTakesOneBatch) => ended.truncate(1_000),
            Some(Bug::SweepLeavesTheLease) => {
                let mut left = self.place.left.lock().unwrap();
                for key in &ended {
                    let token = rows.get(key).and_then(|row| row.token);
                    left.extend(token.map(|token| (key.clone(), token)));
                }
            }
            _ => {}
        }
        for key in &ended {
            self.remove(&mut rows, key);
        }
        Ok(ended.len() as u64)
    }
}

#[async_trait]
impl SessionRegistry for BuggyStore {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::RegisterIsAcceptedDuringAnOutage) => return Ok(()),
            // It was stored, and the second attempt finds it.
            Err(_) if self.has(Bug::RegisterFindsItsOwnRecord) => {
                return Err(RegisterError::AlreadyExists);
            }
            connection => connection?,
        };
        let _lock = self.lock().await?;
        let key = self.key(record.id());
        if self.has(Bug::ChangesAreReportedBeforeTheyAreVisible) {
            self.changed(record.id());
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let seen = self.is_taken(&self.rows(), &key, token, now);
        let mut stale = None;
        match self.bug {
            Some(Bug::RegisterChecksThenSets | Bug::LocksAreOfOneStore) => {
                pause().await;
                stale = Some(seen);
            }
            Some(Bug::RegisterFailsWhenBusy) => pause().await,
            Some(Bug::RegisterTakesTheTokenBeforeItLooks) => {
                if let Some(row) = self.rows().get_mut(&key) {
                    row.token = Some(*token);
                }
                stale = Some(seen);
            }
            Some(Bug::RegisterWritesInTwoSteps) if !seen => {
                self.put(&mut self.rows(), &without_labels(record), Some(*token));
                pause().await;
            }
            Some(Bug::RegisterRemovesFirst) if !seen => {
                self.remove(&mut self.rows(), &key);
                pause().await;
            }
            _ => {}
        }
        let answer = self.register_now(record, token, now, stale);
        connection.close().await;
        answer
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::OutageIsALostLease) => return Err(RenewError::LeaseLost),
            connection => connection?,
        };
        let key = self.key(id);
        let mut seen = None;
        match self.bug {
            Some(Bug::RenewReadsThenWrites) => {
                seen = Some(self.renewable(&key, token, now));
                pause().await;
            }
            Some(Bug::RenewWritesInTwoSteps) => {
                if let Some(row) = self.rows().get_mut(&key)
                    && self.is_renewable(row, token, now)
                {
                    row.record = row.record.clone().with_expiry(Expiry::Never);
                }
                pause().await;
            }
            _ => {}
        }
        let answer = self.renew_now(id, token, expiry, now, seen);
        connection.close().await;
        answer
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::OutageIsAnAbsentRecord) => return Ok(false),
            connection => connection?,
        };
        let key = self.key(id);
        let mut seen = None;
        match self.bug {
            Some(Bug::DeregisterChecksThenRemoves) => {
                seen = Some(self.is_removable_now(&key, token));
                pause().await;
            }
            Some(Bug::DeregisterWritesInTwoSteps) => {
                if let Some(row) = self.rows().get_mut(&key)
                    && self.is_removable(row, token)
                {
                    row.record = without_labels(&row.record);
                }
                pause().await;
            }
            _ => {}
        }
        let answer = self.deregister_now(id, token, seen);
        connection.close().await;
        Ok(answer)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::SweepFindsNothingDuringAnOutage) => return Ok(0),
            connection => connection?,
        };
        let mut seen = None;
        match self.bug {
            Some(Bug::SweepScansThenRemoves) => {
                seen = Some(self.ended(&self.rows(), now));
                pause().await;
            }
            Some(Bug::SweepPutsTheLiveBack) => {
                let before = std::mem::take(&mut *self.rows());
                pause().await;
                self.rows().extend(before);
            }
            _ => {}
        }
        let answer = self.sweep_now(now, seen);
        connection.close().await;
        answer
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        let connection = match self.connect().await {
            Err(_) if self.has(Bug::OutageIsWritable) => return Ok(()),
            connection => connection?,
        };
        connection.close().await;
        Ok(())
    }
}
