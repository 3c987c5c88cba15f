//! Measures this machine: `cargo run --release -p dcv-resolver-sqlite --example measure`.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    Expiry, InvalidSessionId, LeaseToken, OnConflict, SessionId, SessionImport, SessionRecord,
    SessionRegistry, SessionStore, StoreError, Timestamp,
};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};

const SESSIONS: usize = 100_000;
const BATCH: usize = 10_000;
const EXPIRES_AT: Timestamp = Timestamp::from_unix_ms(1_893_456_000_000);
const BEFORE: Timestamp = Timestamp::from_unix_ms(1_893_455_000_000);
const TOKEN: LeaseToken = LeaseToken::from_bytes(*b"an owner's token");

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let config = SqliteConfig::new(folder.path().join("sessions.db")).create_if_missing(true);
    let store = Arc::new(SqliteStore::open(config).await?);
    let records: Vec<_> = (0..SESSIONS).map(record).collect::<Result<_, _>>()?;

    for existing in [OnConflict::Skip, OnConflict::Overwrite] {
        let started = Instant::now();
        for batch in records.chunks(BATCH) {
            store.import(batch, &TOKEN, existing, BEFORE).await?;
        }
        print_rate(
            &format!("import, {existing:?}"),
            SESSIONS,
            started.elapsed(),
        );
    }

    let started = Instant::now();
    for record in records.iter().take(5_000) {
        store.register(record, &TOKEN, BEFORE).await?;
    }
    print_rate("register, one task", 5_000, started.elapsed());

    for tasks in [1, 64] {
        let started = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| tokio::spawn(look_up(Arc::clone(&store), task)))
            .collect();
        let mut lookups = 0;
        for task in running {
            lookups += task.await??;
        }
        print_rate(
            &format!("lookup, {tasks} tasks"),
            lookups,
            started.elapsed(),
        );
    }

    let started = Instant::now();
    let swept = store.sweep(EXPIRES_AT).await?;
    print_rate("sweep", usize::try_from(swept)?, started.elapsed());
    Ok(())
}

fn record(n: usize) -> Result<SessionRecord, Box<dyn Error>> {
    let record =
        SessionRecord::builder(id(n)?, "ws-17.dcv.example".parse()?, Expiry::At(EXPIRES_AT));
    Ok(record
        .http_port(8443)
        .quic_port(8443)
        .owner("ann")
        .build()?)
}

/// Returns ids in random order, as in production.
fn id(n: usize) -> Result<SessionId, InvalidSessionId> {
    let scattered = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{scattered:016x}-{n}").parse()
}

/// Looks sessions up for three seconds and counts them.
async fn look_up(store: Arc<SqliteStore>, task: usize) -> Result<usize, StoreError> {
    let started = Instant::now();
    let mut lookups = 0;
    while started.elapsed() < Duration::from_secs(3) {
        if let Ok(id) = id((lookups * 7_919 + task * 104_729) % SESSIONS)
            && store.lookup(&id).await?.is_some()
        {
            lookups += 1;
        }
    }
    Ok(lookups)
}

fn print_rate(what: &str, count: usize, took: Duration) {
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "{what:20} {count:8} in {:6.2} s  {rate:9.0}/s",
        took.as_secs_f64()
    );
}
