//! Whoever writes through the cache finds what it has written.

use std::future::pending;
use std::num::NonZeroUsize;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{
    Clock, Existing, Expiry, LeaseToken, MemoryStore, Page, PageToken, SessionId, SessionImport,
    SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError, Timestamp,
    async_trait,
};

use crate::support::{console, console_of, expiring};

fn token() -> LeaseToken {
    LeaseToken::from_bytes(*b"tr0ub4dor-token!")
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_write_is_seen_at_once() {
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
        .import(&imported, &token, Existing::Replace, now)
        .await
        .unwrap();
    assert_eq!(console_of(&store).await, Some(2));

    assert!(store.deregister(&id, &token).await.unwrap());
    assert_eq!(console_of(&store).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_swept_is_gone_at_once_and_nothing_else_is() {
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
    let calls = store.stats().calls_total();
    assert_eq!(store.sweep(now).await.unwrap(), 0);
    assert_eq!(store.lookup(kept.id()).await.unwrap(), Some(kept));
    assert_eq!(store.stats().calls_total(), calls, "it is still kept");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_given_up_may_have_happened() {
    let store = CachedStore::new(WritesAndHangs::default(), CacheConfig::default());
    assert_eq!(console_of(&store).await, None);
    let (record, token, now) = (console(1), token(), ManualClock::default().now());
    let write = store.register(&record, &token, now);
    let given_up = tokio::time::timeout(Duration::from_millis(10), write).await;
    assert!(given_up.is_err());
    assert_eq!(console_of(&store).await, Some(1));
}

/// Carries writes out, and never says so.
#[derive(Debug, Default)]
struct WritesAndHangs(MemoryStore);

#[async_trait]
impl SessionStore for WritesAndHangs {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.0.lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

#[async_trait]
impl SessionListing for WritesAndHangs {
    async fn list(&self, _: Option<&PageToken>, _: NonZeroUsize) -> Result<Page, StoreError> {
        pending().await
    }
}

#[async_trait]
impl SessionRegistry for WritesAndHangs {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.register(record, token, now).await?;
        pending().await
    }

    async fn renew(
        &self,
        _: &SessionId,
        _: &LeaseToken,
        _: Expiry,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        pending().await
    }

    async fn deregister(&self, _: &SessionId, _: &LeaseToken) -> Result<bool, StoreError> {
        pending().await
    }

    async fn sweep(&self, _: Timestamp) -> Result<u64, StoreError> {
        pending().await
    }
}
