//! The sessions of one rule, and the store that is opened on them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dcv_resolver_conformance::{
    ChangingFixture, Fixture, OutageFixture, deregister, register_each,
};
use dcv_resolver_core::{
    ChangeListener, Expiry, LeaseToken, SessionId, SessionRecord, StoreError, StoreErrorKind,
};
use tokio::sync::watch::Sender;

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
    /// The records that imports have locked, for the bug that does.
    pub(crate) locked: Mutex<HashSet<SessionId>>,
    is_cut: AtomicBool,
    was_cut: AtomicBool,
    /// The sessions that have changed, in order.
    changes: Mutex<Vec<SessionId>>,
    pub(crate) news: Sender<()>,
    first_listener: Mutex<Option<Arc<dyn ChangeListener>>>,
}

impl Place {
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    pub(crate) fn changes(&self) -> Vec<SessionId> {
        self.changes.lock().unwrap().clone()
    }

    pub(crate) fn changed(&self, id: &SessionId) {
        self.changes.lock().unwrap().push(id.clone());
        self.news.send_replace(());
    }

    pub(crate) fn contains(&self, id: &SessionId) -> bool {
        self.rows.lock().unwrap().contains_key(id.as_str())
    }

    /// Returns whether this listener was the first to be asked about.
    pub(crate) fn is_first(&self, listener: &Arc<dyn ChangeListener>) -> bool {
        let mut first = self.first_listener.lock().unwrap();
        Arc::ptr_eq(first.get_or_insert_with(|| Arc::clone(listener)), listener)
    }
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

    /// A store with a bug does not do what is waited for.
    fn timeout(&self) -> Duration {
        match self.bug {
            Some(_) => Duration::from_secs(1),
            None => Duration::from_secs(30),
        }
    }
}

impl OutageFixture for BuggyFixture {
    async fn cut(&self) {
        self.place.is_cut.store(true, Ordering::SeqCst);
        self.place.was_cut.store(true, Ordering::SeqCst);
        self.place.news.send_replace(());
    }

    async fn restore(&self) {
        self.place.is_cut.store(false, Ordering::SeqCst);
        self.place.news.send_replace(());
    }
}

impl ChangingFixture for BuggyFixture {
    async fn set(&self, record: &SessionRecord) {
        register_each(&self.open().await, std::slice::from_ref(record), self.t0()).await;
    }

    async fn remove(&self, id: &SessionId) {
        deregister(&self.open().await, id).await;
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
        let id = row.record.id().clone();
        rows.insert(self.key(&id), row);
        self.changed(&id);
    }

    pub(crate) fn remove(&self, rows: &mut Rows, key: &str) {
        let removed = rows.remove(key);
        if let Some(row) = &removed {
            self.changed(row.record.id());
        }
        self.place.removed.lock().unwrap().extend(removed);
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
        let cut_off = match self.bug {
            Some(Bug::OutageNeverEnds) => self.place.was_cut.load(Ordering::SeqCst),
            _ => self.place.is_cut(),
        };
        if cut_off {
            return Err(error(match self.bug {
                Some(Bug::OutageIsADamagedStore) => StoreErrorKind::CorruptStore,
                _ => StoreErrorKind::Unavailable,
            }));
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
