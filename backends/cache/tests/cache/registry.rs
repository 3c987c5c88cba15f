//! A write through the cache is visible at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{
    Clock, Expiry, ImportOutcome, LeaseToken, ListError, MemoryStore, OnConflict, Page, PageToken,
    RegisterError, RenewError, SessionId, SessionImport, SessionListing, SessionRecord,
    SessionRegistry, SessionStore, StoreError, Timestamp, async_trait,
};
use tokio::sync::Semaphore;

use crate::support::{console, console_of, expiring, settle};

fn token() -> LeaseToken {
    LeaseToken::from_bytes(*b"tr0ub4dor-token!")
}

#[tokio::test(start_paused = true)]
async fn own_write_is_visible_at_once() {
    let clock = ManualClock::default();
    let store = CachedStore::new(
        MemoryStore::new(),
        CacheConfig::default().clock(clock.clone()),
    );
    let (token, now) = (token(), clock.now());
    let id = console(1).id().clone();
    assert_eq!(console_of(&store).await, None);
    store.register(&console(1), &token, now).await.unwrap();
    assert_eq!(console_of(&store).await, Some(1));

    let renewed = expiring(1, now.saturating_add(Duration::from_secs(60)));
    store
        .renew(&id, &token, renewed.expiry(), now)
        .await
        .unwrap();
    assert_eq!(store.lookup(&id).await.unwrap(), Some(renewed));

    let imported = [console(2)];
    store
        .import(&imported, &token, OnConflict::Overwrite, now)
        .await
        .unwrap();
    assert_eq!(console_of(&store).await, Some(2));

    assert!(store.deregister(&id, &token).await.unwrap());
    assert_eq!(console_of(&store).await, None);
}

#[tokio::test(start_paused = true)]
async fn swept_record_is_absent_at_once_and_others_stay_cached() {
    let clock = ManualClock::default();
    let store = CachedStore::new(
        MemoryStore::new(),
        CacheConfig::default().clock(clock.clone()),
    );
    let (token, now) = (token(), clock.now());
    let expired = expiring(1, now);
    store.register(&expired, &token, now).await.unwrap();
    assert_eq!(console_of(&store).await, Some(1));
    assert_eq!(store.sweep(now).await.unwrap(), 1);
    assert_eq!(console_of(&store).await, None);

    let kept = expiring(2, now.saturating_add(Duration::from_millis(1)));
    store.register(&kept, &token, now).await.unwrap();
    assert_eq!(store.lookup(kept.id()).await.unwrap(), Some(kept.clone()));
    let calls = store.stats().loads;
    assert_eq!(store.sweep(now).await.unwrap(), 0);
    assert_eq!(store.lookup(kept.id()).await.unwrap(), Some(kept));
    assert_eq!(store.stats().loads, calls, "it is still kept");
}

/// The kinds of write, each of which gives the console of port 1 another port
/// or removes it.
async fn write(kind: usize, store: Arc<CachedStore<Slow>>) {
    let (token, now) = (token(), ManualClock::default().now());
    let id = console(1).id().clone();
    let expiry = Expiry::At(now.saturating_add(Duration::from_secs(60)));
    match kind {
        0 => store.register(&console(2), &token, now).await.unwrap(),
        1 => store.renew(&id, &token, expiry, now).await.unwrap(),
        2 => assert!(store.deregister(&id, &token).await.unwrap()),
        _ => {
            let records = [console(2)];
            let import = store.import(&records, &token, OnConflict::Overwrite, now);
            import.await.unwrap();
        }
    }
}

const KINDS: std::ops::Range<usize> = 0..4;

/// A cache that keeps the console of port 1.
async fn slow() -> Arc<CachedStore<Slow>> {
    let store = CachedStore::new(Slow::default(), CacheConfig::default());
    let inner = &store.store().sessions;
    let now = ManualClock::default().now();
    inner.register(&console(1), &token(), now).await.unwrap();
    assert_eq!(console_of(&store).await, Some(1));
    Arc::new(store)
}

#[tokio::test(start_paused = true)]
async fn lookup_during_a_write_is_not_cached_after_it() {
    for kind in KINDS {
        let store = slow().await;
        let writing = tokio::spawn(write(kind, Arc::clone(&store)));
        settle().await;
        assert_eq!(console_of(&*store).await, Some(1));
        store.store().may_begin.add_permits(1);
        store.store().may_end.add_permits(1);
        writing.await.unwrap();
        let found = store.lookup(console(1).id()).await.unwrap();
        assert_ne!(found, Some(console(1)), "write {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_write_invalidates_too() {
    for kind in KINDS {
        let store = slow().await;
        store.store().may_begin.add_permits(1);
        let writing = tokio::spawn(write(kind, Arc::clone(&store)));
        settle().await;
        writing.abort();
        settle().await;
        let found = store.lookup(console(1).id()).await.unwrap();
        assert_ne!(found, Some(console(1)), "write {kind}");
    }
}

/// Carries writes out when they may begin, and says so when they may end.
#[derive(Debug)]
struct Slow {
    sessions: MemoryStore,
    may_begin: Semaphore,
    may_end: Semaphore,
}

impl Default for Slow {
    fn default() -> Self {
        Self {
            sessions: MemoryStore::new(),
            may_begin: Semaphore::new(0),
            may_end: Semaphore::new(0),
        }
    }
}

impl Slow {
    async fn carry_out<T>(&self, write: impl Future<Output = T>) -> T {
        self.may_begin.acquire().await.unwrap().forget();
        let written = write.await;
        self.may_end.acquire().await.unwrap().forget();
        written
    }
}

#[async_trait]
impl SessionStore for Slow {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.sessions.lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.sessions.ping().await
    }
}

#[async_trait]
impl SessionListing for Slow {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.sessions.list(page, limit).await
    }
}

#[async_trait]
impl SessionRegistry for Slow {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        self.carry_out(self.sessions.register(record, token, now))
            .await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        self.carry_out(self.sessions.renew(id, token, expiry, now))
            .await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        self.carry_out(self.sessions.deregister(id, token)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.carry_out(self.sessions.sweep(now)).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.sessions.check_writable().await
    }
}

#[async_trait]
impl SessionImport for Slow {
    async fn import(
        &self,
        records: &[SessionRecord],
        token: &LeaseToken,
        on_conflict: OnConflict,
        now: Timestamp,
    ) -> Result<Vec<ImportOutcome>, StoreError> {
        self.carry_out(self.sessions.import(records, token, on_conflict, now))
            .await
    }
}
