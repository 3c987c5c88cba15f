//! A cache in front of the store while another process writes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    ChangeEvent, ChangeListener, ChangeSource, OnConflict, SessionId, SessionImport,
    SessionRegistry, SessionStore,
};
use dcv_resolver_sqlite::SqliteStore;

use crate::support::{NOW, TOKEN, config, record, until};

/// Names the database in the environment of the writing process, which is this
/// test program started again.
const DATABASE: &str = "DCV_TEST_COHERENT";

const TEST: &str = "coherent::lookup_never_returns_older_than_what_is_caught_up";

const SESSIONS: u64 = 32;

const LASTS: Duration = Duration::from_secs(3);

/// Returns a host that contains how often the writer has written.
fn host(count: u64) -> String {
    format!("ws-{count}.example")
}

fn count(host: &str) -> u64 {
    let digits: String = host.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Returns numbers in no order.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Writes one session after the other, sometimes many at once, and prints what
/// was acknowledged.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
async fn write_until_killed(path: &str) {
    let store = SqliteStore::open(config(path.as_ref())).await.unwrap();
    println!();
    for count in 1.. {
        let host = host(count);
        if count % 50 == 0 {
            let all: Vec<_> = (0..SESSIONS)
                .map(|n| record(&format!("s-{n}"), &host))
                .collect();
            store
                .import(&all, &TOKEN, OnConflict::Skip, NOW)
                .await
                .unwrap();
            println!("acknowledged all {count}");
        } else {
            let n = scattered(count) % SESSIONS;
            store
                .register(&record(&format!("s-{n}"), &host), &TOKEN, NOW)
                .await
                .unwrap();
            println!("acknowledged {n} {count}");
        }
    }
}

fn start_writer(path: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The simplest cache: it keeps every answer until the session may have changed.
#[derive(Debug, Default)]
struct Cache {
    /// The cached counts, and the number of events that discarded some.
    entries: Mutex<(HashMap<SessionId, u64>, u64)>,
    /// The acknowledged writes that are not caught up with, oldest first.
    acknowledged: Mutex<Vec<(Instant, u64, u64)>>,
    /// By session: the last acknowledged write that is caught up with.
    floor: [AtomicU64; SESSIONS as usize],
    hits: AtomicU64,
    lookups: AtomicU64,
    caught_up_writes: AtomicU64,
}

impl Cache {
    async fn count(&self, store: &SqliteStore, id: &SessionId) -> u64 {
        let discarded = {
            let entries = self.entries.lock().unwrap();
            if let Some(count) = entries.0.get(id) {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return *count;
            }
            entries.1
        };
        let record = store.lookup(id).await.unwrap().unwrap();
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let count = count(record.host().as_str());
        let mut entries = self.entries.lock().unwrap();
        // Otherwise the answer may be from before the change.
        if entries.1 == discarded {
            entries.0.insert(id.clone(), count);
        }
        count
    }
}

impl ChangeListener for Cache {
    fn on_change(&self, event: ChangeEvent<'_>) {
        if let ChangeEvent::CaughtUp(instant) = event {
            let mut acknowledged = self.acknowledged.lock().unwrap();
            let caught_up = acknowledged.partition_point(|(at, ..)| *at < instant);
            for (_, n, count) in acknowledged.drain(..caught_up) {
                self.floor[n as usize].fetch_max(count, Ordering::SeqCst);
                self.caught_up_writes.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        let mut entries = self.entries.lock().unwrap();
        match event {
            ChangeEvent::Changed(id) => drop(entries.0.remove(id)),
            _ => entries.0.clear(),
        }
        entries.1 += 1;
    }
}

/// Collects on a thread what the writer acknowledges until it is killed.
fn collect_acknowledged(writer: &mut Child, cache: Arc<Cache>) -> std::thread::JoinHandle<()> {
    let output = BufReader::new(writer.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let Some(rest) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            // The kill may truncate the last line; a truncated count requires
            // less.
            let Some((which, count)) = rest.split_once(' ') else {
                break;
            };
            let Ok(count) = count.parse() else { break };
            let mut acknowledged = cache.acknowledged.lock().unwrap();
            let now = Instant::now();
            match which.parse() {
                Ok(n) => acknowledged.push((now, n, count)),
                Err(_) => acknowledged.extend((0..SESSIONS).map(|n| (now, n, count))),
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookup_never_returns_older_than_what_is_caught_up() {
    if let Ok(path) = std::env::var(DATABASE) {
        return write_until_killed(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let config = config(&path).create_if_missing(true);
    let store = Arc::new(SqliteStore::open(config).await.unwrap());
    let all: Vec<_> = (0..SESSIONS)
        .map(|n| record(&format!("s-{n}"), &host(0)))
        .collect();
    store
        .import(&all, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();
    let cache = Arc::new(Cache::default());
    let watching = tokio::spawn(store.watch_changes(Arc::clone(&cache) as Arc<dyn ChangeListener>));
    let mut writer = start_writer(&path);
    let collecting = collect_acknowledged(&mut writer, Arc::clone(&cache));

    let end = Instant::now() + LASTS;
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (store, cache) = (Arc::clone(&store), Arc::clone(&cache));
            tokio::spawn(async move {
                for step in 0.. {
                    let n = scattered(reader * 1_000_003 + step) % SESSIONS;
                    let id = format!("s-{n}").parse().unwrap();
                    let floor = cache.floor[n as usize].load(Ordering::SeqCst);
                    let answered = cache.count(&store, &id).await;
                    assert!(answered >= floor, "s-{n}: {answered} after {floor}");
                    if step % 100 == 0 {
                        // Lets the others run, also on a busy machine.
                        tokio::task::yield_now().await;
                        if Instant::now() > end {
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    collecting.join().unwrap();

    // In the end every session is at its last write.
    until(async || cache.acknowledged.lock().unwrap().is_empty()).await;
    for n in 0..SESSIONS {
        let id = format!("s-{n}").parse().unwrap();
        let answered = cache.count(&store, &id).await;
        assert!(answered >= cache.floor[n as usize].load(Ordering::SeqCst));
    }
    // Both the cache and the store were used.
    for counter in [&cache.hits, &cache.lookups, &cache.caught_up_writes] {
        assert!(counter.load(Ordering::Relaxed) > 100, "{cache:?}");
    }
    watching.abort();
}
