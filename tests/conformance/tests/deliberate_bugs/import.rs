use std::collections::HashSet;
use std::sync::Mutex;

use dcv_resolver_core::{
    ImportOutcome, LeaseToken, OnConflict, SessionId, SessionImport, SessionRecord, StoreError,
    StoreErrorKind, Timestamp, async_trait,
};

use crate::bug::Bug;
use crate::edit::without_labels;
use crate::place::{BuggyStore, Rows, error, pause};

/// What is the same for all records of a batch.
struct Batch<'a> {
    records: &'a [SessionRecord],
    token: &'a LeaseToken,
    on_conflict: OnConflict,
    now: Timestamp,
    /// What each record was found to be, by the bug that looks before.
    seen: Option<Vec<bool>>,
}

impl BuggyStore {
    fn import_now(&self, batch: &Batch<'_>) -> Result<Vec<ImportOutcome>, StoreError> {
        let mut rows = self.rows();
        if self.has(Bug::ImportFailsOnNothing) && batch.records.is_empty() {
            return Err(error(StoreErrorKind::Other));
        }
        let mut answers = Vec::new();
        for number in 0..batch.records.len() {
            let stopped = match self.bug {
                Some(Bug::ImportStopsAtTheFirstKept) => {
                    answers.last() == Some(&ImportOutcome::Skipped)
                }
                _ => false,
            };
            answers.push(if stopped {
                ImportOutcome::Skipped
            } else {
                self.import_one(&mut rows, batch, number)
            });
        }
        if self.has(Bug::ImportSortsItsAnswers) {
            let mut by_id: Vec<_> = batch.records.iter().zip(answers).collect();
            by_id.sort_by_key(|(record, _)| record.id().clone());
            answers = by_id.into_iter().map(|(_, answer)| answer).collect();
        }
        Ok(answers)
    }

    fn import_one(&self, rows: &mut Rows, batch: &Batch<'_>, number: usize) -> ImportOutcome {
        let record = &batch.records[number];
        let key = self.key(record.id());
        let came_before = || {
            batch.records[..number]
                .iter()
                .any(|it| it.id() == record.id())
        };
        let owns = rows
            .get(&key)
            .is_some_and(|row| self.owns(row, batch.token));

        let taken = match (self.bug, &batch.seen) {
            (_, Some(seen)) => seen[number],
            (Some(Bug::ImportKeepReplaces), _) => false,
            (Some(Bug::ImportKeepKeepsExpired), _) => rows.contains_key(&key) && !owns,
            (Some(Bug::ImportKeepsItsOwn), _) => rows.contains_key(&key),
            (Some(Bug::ImportTakesTheSecondOfTwoForItsOwn), _) if came_before() => false,
            _ => self.is_taken(rows, &key, batch.token, batch.now),
        };
        let replaces =
            batch.on_conflict == OnConflict::Overwrite && !self.has(Bug::ImportReplaceKeeps);
        if taken && !replaces {
            if self.has(Bug::ImportKeepTakesTheToken)
                && let Some(row) = rows.get_mut(&key)
            {
                row.token = Some(*batch.token);
            }
            return ImportOutcome::Skipped;
        }
        let token = match self.bug {
            Some(Bug::ImportForgetsTheToken) => None,
            Some(Bug::ImportReplaceLeavesTheToken) => match rows.get(&key) {
                Some(row) if replaces => row.token,
                _ => Some(*batch.token),
            },
            _ => Some(*batch.token),
        };
        match self.bug {
            Some(Bug::ImportTakesTheFirstOfTwo) if came_before() => {}
            Some(Bug::ImportTakesOneBatch) if number >= 1_000 => {}
            Some(Bug::ImportForgetsLabels) => self.put(rows, &without_labels(record), token),
            _ => self.put(rows, record, token),
        }
        ImportOutcome::Stored
    }

    fn taken(&self, batch: &Batch<'_>) -> Vec<bool> {
        let rows = self.rows();
        let records = batch.records.iter();
        records
            .map(|record| self.is_taken(&rows, &self.key(record.id()), batch.token, batch.now))
            .collect()
    }
}

/// The records that an import has locked, until it ends.
struct Locks<'a>(&'a Mutex<HashSet<SessionId>>, Vec<SessionId>);

impl Locks<'_> {
    fn lock(&mut self, id: &SessionId) -> bool {
        let is_free = self.1.contains(id) || self.0.lock().unwrap().insert(id.clone());
        if is_free {
            self.1.push(id.clone());
        }
        is_free
    }
}

impl Drop for Locks<'_> {
    fn drop(&mut self) {
        let mut locked = self.0.lock().unwrap();
        self.1.iter().for_each(|id| {
            locked.remove(id);
        });
    }
}

#[async_trait]
impl SessionImport for BuggyStore {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        let connection = self.connect().await?;
        let mut batch = Batch {
            records,
            token,
            on_conflict,
            now,
            seen: None,
        };
        match self.bug {
            Some(Bug::ImportChecksThenSets) => {
                batch.seen = Some(self.taken(&batch));
                pause().await;
            }
            Some(Bug::ImportWritesInTwoSteps) => {
                for (record, taken) in records.iter().zip(self.taken(&batch)) {
                    if !taken {
                        self.put(&mut self.rows(), &without_labels(record), Some(*token));
                    }
                }
                pause().await;
            }
            // It locks one record after the other, and gives up where another
            // import has locked one, as a database does that detects a deadlock.
            Some(Bug::ImportsDeadlock) => {
                let mut held = Locks(&self.place.locked, Vec::new());
                for record in records {
                    if !held.lock(record.id()) {
                        return Err(error(StoreErrorKind::Unavailable));
                    }
                    pause().await;
                }
            }
            _ => {}
        }
        let answer = self.import_now(&batch);
        connection.close().await;
        answer
    }
}
