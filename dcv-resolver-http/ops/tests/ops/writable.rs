//! Whether stores can be written, by a paused clock.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dcv_resolver_core::{
    Expiry, LeaseToken, ListError, MemoryStore, Page, PageToken, RegisterError, RenewError,
    Resolver, SessionId, SessionListing, SessionRecord, SessionRegistry, SessionStore, StoreError,
    StoreErrorKind, Timestamp, async_trait,
};
use dcv_resolver_ops::{Metrics, MetricsFormat, OpsBuilder, Readiness};
use dcv_resolver_test_support::log::Log;
use serde_json::json;
use tokio::time::sleep;
use tracing::Level;

use crate::endpoints::{ask, explainer};
use crate::store::resolver;

const PERIOD: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
enum Disk {
    HasRoom,
    Full,
    Hangs,
    Panics,
}

/// A registry whose disk a test fills.
#[derive(Debug)]
struct OnDisk {
    sessions: MemoryStore,
    disk: Mutex<Disk>,
}

impl OnDisk {
    fn new(disk: Disk) -> Arc<Self> {
        Arc::new(Self {
            sessions: MemoryStore::new(),
            disk: Mutex::new(disk),
        })
    }

    fn set(&self, disk: Disk) {
        *self.disk.lock().unwrap() = disk;
    }
}

#[async_trait]
impl SessionStore for OnDisk {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.sessions.lookup(id).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.sessions.ping().await
    }
}

#[async_trait]
impl SessionListing for OnDisk {
    async fn list(&self, page: Option<&PageToken>, limit: NonZeroUsize) -> Result<Page, ListError> {
        self.sessions.list(page, limit).await
    }
}

#[async_trait]
impl SessionRegistry for OnDisk {
    async fn register(
        &self,
        record: &SessionRecord,
        token: &LeaseToken,
        now: Timestamp,
    ) -> Result<(), RegisterError> {
        self.sessions.register(record, token, now).await
    }

    async fn renew(
        &self,
        id: &SessionId,
        token: &LeaseToken,
        expiry: Expiry,
        now: Timestamp,
    ) -> Result<(), RenewError> {
        self.sessions.renew(id, token, expiry, now).await
    }

    async fn deregister(&self, id: &SessionId, token: &LeaseToken) -> Result<bool, StoreError> {
        self.sessions.deregister(id, token).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.sessions.sweep(now).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        let disk = *self.disk.lock().unwrap();
        match disk {
            Disk::HasRoom => Ok(()),
            Disk::Full => Err(StoreError::new("disk", StoreErrorKind::NotWritable)
                .with_source("/var/lib/sessions: no space left")),
            Disk::Hangs => std::future::pending().await,
            Disk::Panics => panic!("the test says so"),
        }
    }
}

fn watched(store: &Arc<OnDisk>) -> (Resolver, Readiness) {
    let resolver = resolver([("agents", Arc::clone(store))]);
    let readiness = Readiness::new(&resolver);
    readiness.watch_registries([("agents".into(), Arc::clone(store) as _)]);
    tokio::spawn(readiness.watch());
    (resolver, readiness)
}

fn is_writable(readiness: &Readiness) -> Option<bool> {
    readiness.report().stores[0].writable
}

#[tokio::test(start_paused = true)]
async fn store_that_cannot_be_written_is_named_and_stays_ready() {
    let (log, _guard) = Log::of_this_thread(Level::INFO);
    let store = OnDisk::new(Disk::HasRoom);
    let (_, readiness) = watched(&store);
    let metrics = Metrics::new();
    let app = OpsBuilder::new(explainer(), readiness.clone())
        .metrics(metrics.clone())
        .build();
    assert_eq!(is_writable(&readiness), None);
    sleep(PERIOD / 2).await;
    assert_eq!(is_writable(&readiness), Some(true));

    for (disk, error) in [
        (Disk::Full, "disk: the store is not writable"),
        (Disk::Hangs, "the store did not answer in time"),
        (Disk::Panics, "the store panicked; see the log"),
    ] {
        store.set(disk);
        sleep(PERIOD + PERIOD / 2).await;
        let answer = ask(&app, "GET", "/readyz").await;
        assert_eq!(answer.status, 200, "{disk:?}");
        let report = &answer.json()["stores"][0];
        assert_eq!(report["state"], "up");
        assert_eq!(report["writable"], false);
        assert_eq!(report["write_error"], error);
        assert!(
            metrics
                .render(MetricsFormat::Text)
                .contains("dcv_resolver_store_writable{store=\"agents\"} 0\n")
        );
    }
    store.set(Disk::HasRoom);
    sleep(PERIOD + PERIOD / 2).await;
    let answer = ask(&app, "GET", "/readyz").await.json();
    assert_eq!(answer["stores"][0]["writable"], true);
    assert!(answer["stores"][0].get("write_error").is_none());
    assert!(
        metrics
            .render(MetricsFormat::Text)
            .contains("dcv_resolver_store_writable{store=\"agents\"} 1\n")
    );

    let events = log.take().into_iter().filter_map(|event| {
        let message = event["fields"]["message"].as_str()?;
        let is_about_writing = message.contains("writable");
        is_about_writing.then(|| (event["level"].clone(), event["fields"]["error"].clone()))
    });
    assert_eq!(
        events.collect::<Vec<_>>(),
        [
            (
                json!("WARN"),
                json!("disk: the store is not writable: /var/lib/sessions: no space left")
            ),
            (json!("WARN"), json!("the store did not answer in time")),
            (json!("WARN"), json!("the store panicked: the test says so")),
            (json!("INFO"), json!(null)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn replaced_registry_is_checked_at_once_and_a_known_one_keeps_its_state() {
    let full = OnDisk::new(Disk::Full);
    let (_, readiness) = watched(&full);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(is_writable(&readiness), Some(false));

    readiness.watch_registries([("agents".into(), Arc::clone(&full) as _)]);
    assert_eq!(is_writable(&readiness), Some(false));

    let roomy = OnDisk::new(Disk::HasRoom);
    readiness.watch_registries([("agents".into(), roomy as _)]);
    assert_eq!(is_writable(&readiness), None);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(is_writable(&readiness), Some(true));

    readiness.watch_registries([]);
    assert_eq!(is_writable(&readiness), None);
}
