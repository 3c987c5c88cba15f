//! A cache in front of the store is read while sessions are changed: it never
//! returns what was replaced before the source was last caught up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    ChangeEvent, ChangeListener, ChangeSource, SessionId, SessionRegistry, SessionStore, StoreError,
};
use dcv_resolver_redis::RedisStore;
use tokio::time::sleep;

use crate::support::{Cluster, Proxy, Server, TOKEN, id, now, patient_store, record, store};

const DURATION: Duration = Duration::from_secs(4);
const SESSIONS: usize = 40;
const READERS: usize = 16;
/// Pauses between the changes of one writer.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_millis(100);

/// The smallest cache that keeps to the contract: nothing is served unless
/// changes are reported, and nothing kept that may have changed since it was asked
/// for.
#[derive(Debug, Default)]
struct TinyCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: HashMap<SessionId, u64>,
    changes: HashMap<SessionId, u64>,
    losses: u64,
    is_current: bool,
    confirmed: Option<Instant>,
}

impl TinyCache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    /// The value, and whether it was kept.
    async fn get(
        &self,
        store: &RedisStore,
        session: &SessionId,
    ) -> Result<(u64, bool), StoreError> {
        let before = {
            let kept = self.kept();
            if let Some(value) = kept.entries.get(session) {
                return Ok((*value, true));
            }
            kept.version(session)
        };
        let value = store
            .lookup(session)
            .await?
            .map_or(0, |record| record.owner().unwrap().parse::<u64>().unwrap());
        let mut kept = self.kept();
        if kept.is_current && kept.version(session) == before {
            kept.entries.insert(session.clone(), value);
        }
        Ok((value, false))
    }
}

impl Kept {
    fn version(&self, session: &SessionId) -> (u64, u64) {
        (
            self.losses,
            self.changes.get(session).copied().unwrap_or_default(),
        )
    }
}

impl ChangeListener for TinyCache {
    fn on_change(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Changed(id) => {
                let mut kept = self.kept();
                kept.entries.remove(id);
                *kept.changes.entry(id.clone()).or_default() += 1;
            }
            ChangeEvent::AllChanged => {
                let mut kept = self.kept();
                kept.entries.clear();
                kept.losses += 1;
                kept.is_current = true;
            }
            ChangeEvent::CaughtUp(moment) => {
                self.kept().confirmed = Some(moment);
            }
            ChangeEvent::Disconnected => {
                let mut kept = self.kept();
                kept.is_current = false;
                kept.entries.clear();
            }
            ChangeEvent::Unsupported => {
                let mut kept = self.kept();
                kept.is_current = false;
                kept.entries.clear();
            }
            event => panic!("{event:?}"),
        }
    }
}

/// The values that were written to one session, and when that was known.
type Written = Arc<Vec<Mutex<Vec<(u64, Instant)>>>>;

/// Reads through the cache while sessions are changed over `writers`, with a
/// pause after each change.
async fn stress(name: &str, store: RedisStore, writers: Vec<RedisStore>, pause: Duration) {
    let (store, cache) = (Arc::new(store), Arc::<TinyCache>::default());
    let watch = store.watch_changes(Arc::<TinyCache>::clone(&cache));
    let watch = tokio::spawn(watch).abort_handle();
    let ids: Arc<Vec<_>> = Arc::new((0..SESSIONS).map(|n| id(&format!("s-{n}"))).collect());
    let written: Written = Arc::new((0..SESSIONS).map(|_| Mutex::default()).collect());
    let stop = Arc::new(AtomicBool::new(false));

    let count = writers.len();
    let mut tasks = Vec::new();
    for (number, writer) in writers.into_iter().enumerate() {
        let (ids, written, stop) = (Arc::clone(&ids), Arc::clone(&written), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            let mut value = 0;
            while !stop.load(Ordering::Relaxed) {
                value += 1;
                // Each session has one writer.
                let own = (number..SESSIONS).step_by(count).collect::<Vec<_>>();
                let which = own[usize::try_from(value * 7).unwrap() % own.len()];
                let new = record(&ids[which]).to_builder().owner(&*value.to_string());
                let new = new.build().unwrap();
                if writer.register(&new, &TOKEN, now()).await.is_ok() {
                    let known = (value, Instant::now());
                    written[which].lock().unwrap().push(known);
                }
                sleep(pause).await;
            }
        }));
    }
    let (hits, misses) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    for reader in 0..READERS {
        let (store, cache) = (Arc::clone(&store), Arc::clone(&cache));
        let (ids, written, stop) = (Arc::clone(&ids), Arc::clone(&written), Arc::clone(&stop));
        let (hits, misses) = (Arc::clone(&hits), Arc::clone(&misses));
        tasks.push(tokio::spawn(async move {
            let mut which = reader;
            while !stop.load(Ordering::Relaxed) {
                which = (which + 3) % SESSIONS;
                let confirmed = cache.kept().confirmed;
                let least = written[which]
                    .lock()
                    .unwrap()
                    .iter()
                    .rev()
                    .find_map(|(value, at)| (Some(*at) <= confirmed).then_some(*value));
                let Ok((value, is_hit)) = cache.get(&store, &ids[which]).await else {
                    continue;
                };
                let least = least.unwrap_or_default();
                assert!(
                    value >= least,
                    "{} is {value}, {least} was known before the confirmed moment; kept: {is_hit}",
                    ids[which]
                );
                let counter = if is_hit { &hits } else { &misses };
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }));
    }
    sleep(DURATION).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    watch.abort();
    let writes: usize = written.iter().map(|one| one.lock().unwrap().len()).sum();
    let (hits, misses) = (hits.load(Ordering::Relaxed), misses.load(Ordering::Relaxed));
    println!("| {name} | {writes} writes, {hits} hits, {misses} misses |");
    assert!(writes > 50 && hits > 100, "too little to show anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn one_server() {
    let server = Server::start().await;
    let writers = (0..3).map(|_| patient_store(&server.url())).collect();
    stress("one server", store(&server.url()), writers, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn one_server_far_away() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port).await;
    proxy.delay(Duration::from_millis(10));
    let writers = (0..3).map(|_| patient_store(&server.url())).collect();
    let cache = store(&format!("redis://127.0.0.1:{}", proxy.port));
    stress("one server far away", cache, writers, LONG).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn one_server_that_closes_connections() {
    let server = Server::start().await;
    let writers = (0..3).map(|_| patient_store(&server.url())).collect();
    let cache = store(&server.url());
    let mut admin = server.admin().await;
    let closing = tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(300)).await;
            let mut command = redis::cmd("CLIENT");
            command.arg("KILL").arg("TYPE").arg("normal");
            command.exec_async(&mut admin).await.unwrap();
        }
    });
    stress("connections closed", cache, writers, SHORT).await;
    closing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs redis-server"]
async fn a_cluster_whose_slots_move() {
    let cluster = Cluster::start().await;
    let writers = (0..3).map(|_| patient_store(&cluster.url())).collect();
    let cache = store(&cluster.url());
    let moving = async {
        for number in (0..SESSIONS).cycle() {
            cluster.move_slot_of(&id(&format!("s-{number}"))).await;
        }
    };
    let stress = stress("cluster whose slots move", cache, writers, SHORT);
    tokio::select! {
        () = stress => {}
        () = moving => {}
    }
}
