//! A writing process is killed at any point.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dcv_resolver_core::{OnConflict, SessionImport, SessionRegistry, SessionStore};
use dcv_resolver_sqlite::SqliteStore;
use sqlx::Connection;

use crate::support::{NOW, TOKEN, config, raw, record};

/// Names the database in the environment of the process that will be killed,
/// which is this test program started again.
const DATABASE: &str = "DCV_TEST_DATABASE";

const TEST: &str = "crash::acknowledged_writes_survive_kill_9_at_50_points";

const BATCH: usize = 5;

/// Registers `single` on one host after the other, imports a batch on the same
/// host, and prints each acknowledged number.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
async fn write_until_killed(path: &str) {
    let config = config(path.as_ref()).create_if_missing(true);
    let store = SqliteStore::open(config).await.unwrap();
    let stored = store.lookup(&"single".parse().unwrap()).await.unwrap();
    let first = stored.map_or(0, |record| number(record.host().as_str()));
    for n in first + 1.. {
        let host = format!("ws-{n}.example");
        store
            .register(&record("single", &host), &TOKEN, NOW)
            .await
            .unwrap();
        let batch: Vec<_> = (0..BATCH)
            .map(|member| record(&format!("batch-{member}"), &host))
            .collect();
        store
            .import(&batch, &TOKEN, OnConflict::Skip, NOW)
            .await
            .unwrap();
        println!("\nacknowledged {n}");
    }
}

fn number(host: &str) -> u64 {
    let digits: String = host.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

fn start_writer(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills the writer `delay` after its first acknowledgement and returns the last
/// one.
fn kill_after(mut writer: Child, delay: Duration) -> u64 {
    let output = BufReader::new(writer.stdout.take().unwrap());
    let mut acknowledged = output.lines().map_while(Result::ok).filter_map(|line| {
        let n = line.strip_prefix("acknowledged ")?;
        n.parse::<u64>().ok()
    });
    let first = acknowledged.next().unwrap();
    // Picks the point of the kill; it waits for nothing.
    std::thread::sleep(delay);
    writer.kill().unwrap();
    writer.wait().unwrap();
    acknowledged.last().unwrap_or(first)
}

#[tokio::test]
async fn acknowledged_writes_survive_kill_9_at_50_points() {
    if let Ok(path) = std::env::var(DATABASE) {
        return write_until_killed(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut before = 0;
    for round in 0..50_u64 {
        // Spreads the kills over the time of some tens of writes.
        let delay = Duration::from_micros(round * 7_919 % 20_000);
        let acknowledged = kill_after(start_writer(&path), delay);
        assert!(acknowledged > before);
        before = acknowledged;

        let store = SqliteStore::open(config(&path)).await.unwrap();
        let mut stored = Vec::new();
        for id in [
            "single", "batch-0", "batch-1", "batch-2", "batch-3", "batch-4",
        ] {
            let record = store.lookup(&id.parse().unwrap()).await.unwrap().unwrap();
            stored.push(number(record.host().as_str()));
        }
        let (single, batch) = (stored[0], &stored[1..]);
        // One more may have been stored and not acknowledged.
        assert!(
            (acknowledged..=acknowledged + 1).contains(&single),
            "{single}"
        );
        assert!((acknowledged..=single).contains(&batch[0]), "{batch:?}");
        assert_eq!(batch, [batch[0]; BATCH], "part of a batch was stored");
        drop(store);

        let mut connection = raw(&path).await;
        let integrity: String = sqlx::query_scalar("PRAGMA integrity_check")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(integrity, "ok");
        connection.close().await.unwrap();
    }
}
