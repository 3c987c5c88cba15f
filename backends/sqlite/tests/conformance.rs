//! The contracts, on a real file in a directory of each test.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::fs;
use std::path::PathBuf;
use std::slice;
use std::time::Duration;

use dcv_resolver_cache::{CacheConfig, CachedStore};
use dcv_resolver_conformance::{
    ChangingFixture, Fixture, OutageFixture, conformance, deregister, register_each,
};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{ChangeSource, SessionId, SessionRecord};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

struct File(TempDir);

impl File {
    /// The directory of the database and its log, which must not be parted.
    fn live(&self) -> PathBuf {
        self.0.path().join("live")
    }

    fn away(&self) -> PathBuf {
        self.0.path().join("away")
    }
}

impl Fixture for File {
    type Store = SqliteStore;

    async fn new() -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        fs::create_dir(file.live()).unwrap();
        file
    }

    async fn seed(&self, records: &[SessionRecord]) {
        register_each(&self.open().await, records, self.t0()).await;
    }

    async fn open(&self) -> SqliteStore {
        // The rules are not about time limits, and the machine may be busy.
        let config = SqliteConfig::new(self.live().join("sessions.db"))
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(10))
            .acquire_timeout(Duration::from_secs(10));
        SqliteStore::open(config).await.unwrap()
    }
}

impl OutageFixture for File {
    async fn cut(&self) {
        fs::rename(self.live(), self.away()).unwrap();
    }

    async fn restore(&self) {
        fs::rename(self.away(), self.live()).unwrap();
    }
}

impl ChangingFixture for File {
    async fn set(&self, record: &SessionRecord) {
        self.seed(slice::from_ref(record)).await;
    }

    async fn remove(&self, id: &SessionId) {
        deregister(&self.open().await, id).await;
    }
}

conformance!(
    read, list, registry, import, durability, shared, outage, outage_registry, changes,
    changes_registry;
    File
);

/// Puts a cache in front that follows the changes.
struct Cached(File);

impl Fixture for Cached {
    type Store = CachedStore<SqliteStore>;

    async fn new() -> Self {
        Self(File::new().await)
    }

    async fn seed(&self, records: &[SessionRecord]) {
        self.0.seed(records).await;
    }

    async fn open(&self) -> Self::Store {
        let config = CacheConfig::default()
            .max_staleness(self.max_staleness())
            .clock(ManualClock::default());
        let cached = CachedStore::new(self.0.open().await, config);
        // Ends with the runtime of the rule.
        tokio::spawn(cached.store().watch_changes(cached.listener()));
        cached
    }

    fn max_staleness(&self) -> Duration {
        Duration::from_millis(100)
    }
}

impl OutageFixture for Cached {
    async fn cut(&self) {
        self.0.cut().await;
    }

    async fn restore(&self) {
        self.0.restore().await;
    }
}

mod cached {
    use super::*;
    conformance!(
        read, list, registry, import, durability, shared, outage, outage_registry;
        Cached
    );
}
