//! A cache in front of the store, and another process that writes.

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

/// Names the database to write to, in the process that writes: this test
/// program, started once more.
const DATABASE: &str = "DCV_TEST_COHERENT";

const TEST: &str = "coherent::what_is_confirmed_is_never_answered_older";

const SESSIONS: u64 = 32;

const LASTS: Duration = Duration::from_secs(3);

/// A session's host tells how often the writer has written.
fn host(count: u64) -> String {
    format!("ws-{count}.example")
}

fn count(host: &str) -> u64 {
    let digits: String = host.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Numbers in no order.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// Writes one session after the other, now and then many at once, and says
/// what was acknowledged.
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

/// As simple as a cache can be: it keeps every answer until it hears that it
/// may be another.
#[derive(Debug, Default)]
struct Cache {
    /// What is kept, with the number of calls that told of changes.
    kept: Mutex<(HashMap<SessionId, u64>, u64)>,
    /// What the writer has acknowledged and is not confirmed, oldest first.
    acknowledged: Mutex<Vec<(Instant, u64, u64)>>,
    /// By session: a write that is acknowledged and confirmed.
    floor: [AtomicU64; SESSIONS as usize],
    hits: AtomicU64,
    lookups: AtomicU64,
    confirmed_writes: AtomicU64,
}

impl Cache {
    async fn count(&self, store: &SqliteStore, id: &SessionId) -> u64 {
        let calls = {
            let kept = self.kept.lock().unwrap();
            if let Some(count) = kept.0.get(id) {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return *count;
            }
            kept.1
        };
        let record = store.lookup(id).await.unwrap().unwrap();
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let count = count(record.host().as_str());
        let mut kept = self.kept.lock().unwrap();
        // Otherwise the answer may be from before the change.
        if kept.1 == calls {
            kept.0.insert(id.clone(), count);
        }
        count
    }
}

impl ChangeListener for Cache {
    fn on_change(&self, event: ChangeEvent<'_>) {
        match event {
            ChangeEvent::Changed(id) => {
                let mut kept = self.kept.lock().unwrap();
                kept.0.remove(id);
                kept.1 += 1;
            }
            ChangeEvent::AllChanged => {
                let mut kept = self.kept.lock().unwrap();
                kept.0.clear();
                kept.1 += 1;
            }
            ChangeEvent::CaughtUp(moment) => {
                let mut acknowledged = self.acknowledged.lock().unwrap();
                let confirmed = acknowledged.partition_point(|(at, ..)| *at < moment);
                for (_, n, count) in acknowledged.drain(..confirmed) {
                    self.floor[n as usize].fetch_max(count, Ordering::SeqCst);
                    self.confirmed_writes.fetch_add(1, Ordering::Relaxed);
                }
            }
            ChangeEvent::Disconnected => {
                let mut kept = self.kept.lock().unwrap();
                kept.0.clear();
                kept.1 += 1;
            }
            ChangeEvent::Unsupported => {
                let mut kept = self.kept.lock().unwrap();
                kept.0.clear();
                kept.1 += 1;
            }
            event => panic!("{event:?}"),
        }
    }
}

/// Notes what the writer acknowledges, on a thread, until it is killed.
fn note_acknowledged(writer: &mut Child, cache: Arc<Cache>) -> std::thread::JoinHandle<()> {
    let output = BufReader::new(writer.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let Some(rest) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            // The last line may be cut off by the kill; a count cut short
            // would only ask for less.
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
async fn what_is_confirmed_is_never_answered_older() {
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
    let telling = tokio::spawn(store.watch_changes(Arc::clone(&cache) as Arc<dyn ChangeListener>));
    let mut writer = start_writer(&path);
    let noting = note_acknowledged(&mut writer, Arc::clone(&cache));

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
                        // The others have their turn, also on a busy machine.
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
    noting.join().unwrap();

    // In the end every session is as it was written last.
    until(async || cache.acknowledged.lock().unwrap().is_empty()).await;
    for n in 0..SESSIONS {
        let id = format!("s-{n}").parse().unwrap();
        let answered = cache.count(&store, &id).await;
        assert!(answered >= cache.floor[n as usize].load(Ordering::SeqCst));
    }
    // Both ways were gone.
    for counter in [&cache.hits, &cache.lookups, &cache.confirmed_writes] {
        assert!(counter.load(Ordering::Relaxed) > 100, "{cache:?}");
    }
    telling.abort();
}
