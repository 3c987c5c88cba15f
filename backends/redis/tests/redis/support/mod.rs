//! What the tests run against.

mod cluster;
mod log;
mod proxy;
mod scripted;
mod sentinel;
mod server;
mod traffic;
mod watch;

use std::time::Duration;

use dcv_resolver_core::{
    Clock, Expiry, ImportOutcome, LeaseToken, OnConflict, SessionId, SessionImport, SessionRecord,
    Timestamp, testing::ManualClock,
};
use dcv_resolver_redis::{RedisConfig, RedisStore};
use tokio::time::{Instant, sleep};

pub(crate) use cluster::Cluster;
pub(crate) use log::Log;
pub(crate) use proxy::Proxy;
pub(crate) use scripted::{Answer, Scripted};
pub(crate) use sentinel::Sentinels;
pub(crate) use server::Server;
pub(crate) use traffic::Traffic;
pub(crate) use watch::{Recorder, Reported, Watch};

pub(crate) const TOKEN: LeaseToken = LeaseToken::from_bytes(*b"tr0ub4dor-token1");
pub(crate) const OTHER_TOKEN: LeaseToken = LeaseToken::from_bytes(*b"tr0ub4dor-token2");

/// What recovery may take.
const CONTRACT: Duration = Duration::from_secs(2);
/// How much longer it may take where other tests keep the machine busy.
const BUSY_MACHINE: Duration = Duration::from_secs(3);
/// What recovery may take here; the tests print what it took.
pub(crate) const RECOVERED: Duration = CONTRACT.saturating_add(BUSY_MACHINE);

pub(crate) fn now() -> Timestamp {
    ManualClock::default().now()
}

/// A store with the timeouts that it has by default, for faults.
pub(crate) fn store(url: &str) -> RedisStore {
    RedisStore::new(url.parse().unwrap())
}

/// A store for tests that are not about waiting: a busy machine may take long.
pub(crate) fn patient_store(url: &str) -> RedisStore {
    RedisStore::new(patient(url.parse().unwrap()))
}

pub(crate) fn patient(config: RedisConfig) -> RedisConfig {
    config
        .connect_timeout(Duration::from_secs(10))
        .response_timeout(Duration::from_secs(10))
}

pub(crate) fn id(text: &str) -> SessionId {
    text.parse().unwrap()
}

pub(crate) fn record(id: &SessionId) -> SessionRecord {
    SessionRecord::builder(
        id.clone(),
        "ws-17.dcv.example".parse().unwrap(),
        Expiry::Never,
    )
    .http_port(8443)
    .owner(id.as_str())
    .build()
    .unwrap()
}

/// Stores so many sessions, and returns their ids.
pub(crate) async fn fill(store: &RedisStore, count: usize) -> Vec<SessionId> {
    let ids: Vec<_> = (0..count)
        .map(|number| id(&format!("s-{number}")))
        .collect();
    let records: Vec<_> = ids.iter().map(record).collect();
    let imported = store
        .import(&records, &TOKEN, OnConflict::Skip, now())
        .await;
    assert_eq!(imported.unwrap(), vec![ImportOutcome::Stored; count]);
    ids
}

/// Waits for what another process does, far longer than any machine needs.
pub(crate) struct Patience {
    what: &'static str,
    deadline: Instant,
}

impl Patience {
    /// For `while !happened().await { patience.wait().await; }`.
    pub(crate) fn until(what: &'static str) -> Self {
        Self {
            what,
            deadline: Instant::now() + Duration::from_secs(30),
        }
    }

    pub(crate) async fn wait(&self) {
        assert!(
            Instant::now() < self.deadline,
            "not within 30 s: {}",
            self.what
        );
        sleep(Duration::from_millis(10)).await;
    }
}
