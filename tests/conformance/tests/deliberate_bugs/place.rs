//! The sessions of one rule, and the store that is opened on them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use dcv_resolver_conformance::Fixture;
use dcv_resolver_core::{Expiry, LeaseToken, SessionId, SessionRecord, StoreError, StoreErrorKind};

use crate::bug::Bug;
use crate::edit::without_labels;

#[derive(Debug, Clone)]
pub(crate) struct BuggyFixture {
    bug: Option<Bug>,
    place: Arc<Place>,
}

#[derive(Debug, Default)]
pub(crate) struct Place {
    rows: Mutex<Rows>,
    /// What was removed, for the bugs that restore it.
    pub(crate) removed: Mutex<Vec<Row>>,
    /// The leases that some bugs leave behind.
    pub(crate) left: Mutex<HashMap<String, LeaseToken>>,
    pub(crate) writer: tokio::sync::Mutex<()>,
    lost_connections: AtomicUsize,
}

pub(crate) type Rows = BTreeMap<String, Row>;

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) record: SessionRecord,
    pub(crate) token: Option<LeaseToken>,
    first_expiry: Expiry,
}

#[derive(Debug)]
pub(crate) struct BuggyStore {
    pub(crate) bug: Option<Bug>,
    pub(crate) place: Arc<Place>,
    pub(crate) buffer: Mutex<Option<SessionId>>,
    pub(crate) cache: Mutex<HashMap<SessionId, Option<SessionRecord>>>,
    /// The end of the last page, for the bug that uses it.
    pub(crate) cursor: Mutex<String>,
    pub(crate) writer: tokio::sync::Mutex<()>,
}

impl BuggyFixture {
    pub(crate) fn with(bug: Option<Bug>) -> Self {
        Self {
            bug,
            place: Arc::default(),
        }
    }
}

impl Fixture for BuggyFixture {
    type Store = BuggyStore;

    async fn new() -> Self {
        Self::with(None)
    }

    async fn seed(&self, records: &[SessionRecord]) {
        let store = self.open().await;
        for record in records {
            store.put(&mut store.rows(), record, None);
        }
    }

    async fn open(&self) -> BuggyStore {
        let store = BuggyStore {
            bug: self.bug,
            place: Arc::clone(&self.place),
            buffer: Mutex::default(),
            cache: Mutex::default(),
            cursor: Mutex::default(),
            writer: tokio::sync::Mutex::default(),
        };
        store.recover();
        store
    }
}

pub(crate) fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new("buggy", kind)
}

/// Long enough for other calls to intervene, short enough for the rules that drop
/// calls to reach the end.
pub(crate) async fn pause() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

impl BuggyStore {
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.place.rows.lock().unwrap()
    }

    pub(crate) fn put(&self, rows: &mut Rows, record: &SessionRecord, token: Option<LeaseToken>) {
        let record = self.encode(record);
        let row = Row {
            first_expiry: record.expiry(),
            record,
            token,
        };
        rows.insert(self.key(row.record.id()), row);
    }

    pub(crate) fn remove(&self, rows: &mut Rows, key: &str) {
        self.place.removed.lock().unwrap().extend(rows.remove(key));
    }

    /// Recovers the state when the store is opened.
    fn recover(&self) {
        let mut rows = self.rows();
        let removed = std::mem::take(&mut *self.place.removed.lock().unwrap());
        if self.has(Bug::OpeningForgetsRemovals) {
            rows.extend(
                removed
                    .into_iter()
                    .map(|row| (self.key(row.record.id()), row)),
            );
        }
        for row in rows.values_mut() {
            match self.bug {
                Some(Bug::OpeningForgetsTokens) => row.token = None,
                Some(Bug::OpeningForgetsLabels) => row.record = without_labels(&row.record),
                Some(Bug::OpeningForgetsRenewals) => {
                    row.record = row.record.clone().with_expiry(row.first_expiry);
                }
                _ => {}
            }
        }
    }

    /// Begins a call.
    pub(crate) async fn connect(&self) -> Result<Connection<'_>, StoreError> {
        if self.place.lost_connections.load(Ordering::SeqCst) >= 8 {
            return Err(error(StoreErrorKind::Unavailable));
        }
        let connection = Connection {
            place: &self.place,
            is_lost: self.has(Bug::DroppedCallsLoseTheirConnection),
        };
        pause().await;
        Ok(connection)
    }
}

/// A connection that a call holds until its end.
pub(crate) struct Connection<'a> {
    place: &'a Place,
    is_lost: bool,
}

impl Connection<'_> {
    /// Ends a call.
    pub(crate) async fn close(mut self) {
        pause().await;
        self.is_lost = false;
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if self.is_lost {
            self.place.lost_connections.fetch_add(1, Ordering::SeqCst);
        }
    }
}
