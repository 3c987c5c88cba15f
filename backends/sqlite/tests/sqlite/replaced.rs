//! The database file is replaced while a store has it open.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dcv_resolver_core::{SessionListing, SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_sqlite::SqliteStore;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, raw_sql};
use tempfile::TempDir;

use crate::support::{
    NOW, TOKEN, config, host, lookup, raw, record, sidecar, until, write_database,
};

/// The promised time for noticing a replaced file.
const NOTICED_WITHIN: Duration = Duration::from_secs(2);

struct Place {
    folder: TempDir,
    live: PathBuf,
}

impl Place {
    /// Creates a directory with a database of `console` on 192.0.2.1.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("live.db");
        write_database(&live, "192.0.2.1").await;
        Self { folder, live }
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(config(&self.live).create_if_missing(true))
            .await
            .unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a database beside the live one, with `console` on `host`.
    async fn other(&self, host: &str) -> PathBuf {
        let path = self.path("other.db");
        write_database(&path, host).await;
        path
    }
}

/// Waits until `console` is on `expected`. Errors on the way are allowed, an
/// absent session is not.
async fn noticed(store: &SqliteStore, expected: &str) {
    let took = until(async || lookup(store).await.as_deref() == Ok(expected)).await;
    assert!(took < NOTICED_WITHIN, "{took:?}");
}

async fn integrity(path: &Path) -> String {
    let mut connection = raw(path).await;
    let answer = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn file_moved_over_is_served_whole_without_a_failed_lookup() {
    let place = Place::new().await;
    let store = Arc::new(place.open().await);
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU32::new(0));
    let lookups: Vec<_> = (0..8)
        .map(|_| {
            let (store, stop, answered) =
                (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    lookup(&store).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    for round in 2..12 {
        // The log now has pages that must not be applied to the next file.
        for n in 0..50 {
            store
                .register(
                    &record(&format!("old-{round}-{n}"), "192.0.2.9"),
                    &TOKEN,
                    NOW,
                )
                .await
                .unwrap();
        }
        let new_host = format!("192.0.2.{round}");
        let other = place.other(&new_host).await;
        fs::rename(&other, &place.live).unwrap();
        noticed(&store, &new_host).await;

        let page = store.list(None, 100.try_into().unwrap()).await.unwrap();
        assert_eq!(page.records, [record("console", &new_host)]);
    }
    stop.store(true, Ordering::Relaxed);
    for lookup in lookups {
        lookup.await.unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 0);
    assert_eq!(integrity(&place.live).await, "ok");
}

#[tokio::test]
async fn write_after_the_move_goes_to_the_new_file() {
    let place = Place::new().await;
    let store = place.open().await;
    let other = place.other("192.0.2.2").await;

    fs::rename(&other, &place.live).unwrap();
    store
        .register(&record("late", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap();

    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.2"));
    let late = store.lookup(&"late".parse().unwrap()).await.unwrap();
    assert_eq!(late, Some(record("late", "192.0.2.3")));
}

#[tokio::test]
async fn log_that_comes_with_the_new_file_is_used() {
    let place = Place::new().await;
    let store = place.open().await;
    store
        .register(&record("old", "192.0.2.9"), &TOKEN, NOW)
        .await
        .unwrap();

    // A copy of a database in use: part of it is in its log.
    let origin = place.other("192.0.2.2").await;
    let in_use = SqliteStore::open(config(&origin)).await.unwrap();
    in_use
        .register(&record("in-the-log", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap();
    let copy = place.path("copy.db");
    fs::copy(&origin, &copy).unwrap();
    fs::copy(sidecar(&origin, "-wal"), sidecar(&copy, "-wal")).unwrap();
    fs::rename(sidecar(&copy, "-wal"), sidecar(&place.live, "-wal")).unwrap();
    fs::rename(&copy, &place.live).unwrap();

    noticed(&store, "192.0.2.2").await;
    let page = store.list(None, 100.try_into().unwrap()).await.unwrap();
    let expected = [
        record("console", "192.0.2.2"),
        record("in-the-log", "192.0.2.3"),
    ];
    assert_eq!(page.records, expected);
}

#[tokio::test]
async fn database_moved_away_contains_its_last_sessions() {
    let place = Place::new().await;
    let store = place.open().await;
    store
        .register(&record("last", "192.0.2.9"), &TOKEN, NOW)
        .await
        .unwrap();
    let other = place.other("192.0.2.2").await;

    let kept = place.path("kept.db");
    fs::rename(&place.live, &kept).unwrap();
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
    assert!(kept_logs(&place).is_empty());

    let kept = SqliteStore::open(config(&kept)).await.unwrap();
    let last = kept.lookup(&"last".parse().unwrap()).await.unwrap();
    assert_eq!(last, Some(record("last", "192.0.2.9")));
}

#[tokio::test]
async fn process_with_the_old_file_open_does_not_change_the_new_one() {
    let place = Place::new().await;
    let store = place.open().await;
    let mut holder = raw(&place.live).await;
    let write = "UPDATE dcv_session SET host = '192.0.2.66'";
    sqlx::query(write).execute(&mut holder).await.unwrap();

    let other = place.other("192.0.2.2").await;
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
    sqlx::query(write).execute(&mut holder).await.unwrap();

    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.2"));
    drop((store, holder));
    assert_eq!(integrity(&place.live).await, "ok");
}

#[tokio::test]
async fn switched_symbolic_link_is_followed() {
    let place = Place::new().await;
    let (first, second) = (place.path("first.db"), place.path("second.db"));
    fs::rename(&place.live, &first).unwrap();
    symlink(&first, &place.live).unwrap();
    let store = place.open().await;
    store
        .register(&record("last", "192.0.2.9"), &TOKEN, NOW)
        .await
        .unwrap();
    write_database(&second, "192.0.2.2").await;
    let point_at = async |target, expected| {
        let link = place.path("link");
        symlink(target, &link).unwrap();
        fs::rename(&link, &place.live).unwrap();
        noticed(&store, expected).await;
    };

    let mut holder = raw(&first).await;
    sqlx::query("SELECT count(*) FROM dcv_session")
        .execute(&mut holder)
        .await
        .unwrap();
    point_at(&second, "192.0.2.2").await;
    // The first file was not replaced, so others keep using it with its log.
    sqlx::query("UPDATE dcv_session SET host = '192.0.2.3' WHERE id = 'console'")
        .execute(&mut holder)
        .await
        .unwrap();
    point_at(&first, "192.0.2.3").await;
    let last = store.lookup(&"last".parse().unwrap()).await.unwrap();
    assert_eq!(last, Some(record("last", "192.0.2.9")));
}

#[tokio::test]
async fn deleted_file_is_an_outage_until_it_is_back_and_is_not_created() {
    let place = Place::new().await;
    let store = place.open().await;
    let other = place.other("192.0.2.2").await;

    fs::remove_file(&place.live).unwrap();
    until(async || lookup(&store).await == Err(StoreErrorKind::Unavailable)).await;
    let error = store
        .register(&record("late", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap_err();
    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::Unavailable
    );
    let text = error.chain().to_string();
    assert!(text.contains("live.db"), "{text}");
    // Only the first opening may create it.
    assert!(!place.live.exists());

    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
}

#[tokio::test]
async fn file_created_again_by_another_program_is_served() {
    let place = Place::new().await;
    let store = place.open().await;
    fs::remove_file(&place.live).unwrap();
    write_database(&place.live, "192.0.2.2").await;
    noticed(&store, "192.0.2.2").await;
}

#[tokio::test]
async fn file_that_was_away_is_served_with_its_log() {
    let place = Place::new().await;
    let store = place.open().await;
    let mut holder = raw(&place.live).await;
    let away = place.path("away.db");
    let write = "UPDATE dcv_session SET host = '192.0.2.' || (1 + substr(host, 9))";
    sqlx::query(write).execute(&mut holder).await.unwrap();

    fs::rename(&place.live, &away).unwrap();
    until(async || lookup(&store).await == Err(StoreErrorKind::Unavailable)).await;
    fs::rename(&away, &place.live).unwrap();

    noticed(&store, "192.0.2.2").await;
    // Others keep using it with its log.
    sqlx::query(write).execute(&mut holder).await.unwrap();
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.3"));
}

#[tokio::test]
async fn empty_file_in_its_place_gets_no_tables() {
    let place = Place::new().await;
    let store = place.open().await;
    let other = place.other("192.0.2.2").await;
    let empty = place.path("empty.db");
    fs::write(&empty, "").unwrap();

    fs::rename(&empty, &place.live).unwrap();
    until(async || lookup(&store).await == Err(StoreErrorKind::Incompatible)).await;
    let error = store
        .register(&record("late", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap_err();
    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::Incompatible
    );
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);

    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
}

#[tokio::test]
async fn read_only_store_notices_a_replaced_file() {
    let place = Place::new().await;
    let store = SqliteStore::open(config(&place.live).read_only(true))
        .await
        .unwrap();
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    let other = place.other("192.0.2.2").await;
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
}

#[tokio::test]
async fn log_started_by_others_beside_a_read_only_store_is_not_applied_to_the_new_file() {
    let place = Place::new().await;
    let mut writer = raw(&place.live).await;
    let execute = async |writer: &mut _, sql: &'static str| {
        raw_sql(sql).execute(writer).await.unwrap();
    };
    execute(&mut writer, "PRAGMA journal_mode = DELETE").await;
    let store = SqliteStore::open(config(&place.live).read_only(true))
        .await
        .unwrap();

    execute(&mut writer, "PRAGMA journal_mode = WAL").await;
    execute(&mut writer, "UPDATE dcv_session SET host = '192.0.2.66'").await;
    let started = Instant::now();
    until(async || host(&store).await.is_some() && started.elapsed() > NOTICED_WITHIN).await;
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.66"));

    let other = place.other("192.0.2.2").await;
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
}

/// Writes 400 sessions to the log and leaves them there.
async fn fill(connection: &mut SqliteConnection, prefix: &str) {
    let insert = format!(
        "PRAGMA wal_autocheckpoint = 0;
         WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 399)
         INSERT INTO dcv_session (id, host, http_port)
         SELECT format('{prefix}-%04d', n), '192.0.2.7', 8443 FROM n"
    );
    raw_sql(AssertSqlSafe(insert))
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_connections_never_read_the_log_of_the_new_file() {
    let place = Place::new().await;
    let mut writer = raw(&place.live).await;
    fill(&mut writer, "old").await;
    // The same sessions on other pages, in the file or in the log.
    let origin = place.other("192.0.2.2").await;
    let mut origin_writer = raw(&origin).await;
    fill(&mut origin_writer, "aaa").await;
    fill(&mut origin_writer, "old").await;
    let copy = place.path("copy.db");
    fs::copy(&origin, &copy).unwrap();
    fs::copy(sidecar(&origin, "-wal"), sidecar(&copy, "-wal")).unwrap();

    let store = SqliteStore::open(config(&place.live).read_only(true))
        .await
        .unwrap();
    let store = Arc::new(store);
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    fs::rename(sidecar(&copy, "-wal"), sidecar(&place.live, "-wal")).unwrap();
    fs::rename(&copy, &place.live).unwrap();
    let lookups: Vec<_> = (0..16)
        .map(|n| {
            let store = Arc::clone(&store);
            let id = format!("old-{:04}", n * 20).parse().unwrap();
            tokio::spawn(async move { store.lookup(&id).await })
        })
        .collect();
    for lookup in lookups {
        assert!(lookup.await.unwrap().unwrap().is_some());
    }
    noticed(&store, "192.0.2.2").await;
}

/// Returns the logs that were kept under another name.
fn kept_logs(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.folder.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("live.db-wal.replaced-"))
        .collect()
}

/// Reunites the kept log with its database, as the README says.
fn join(place: &Place, database: &Path) {
    let kept = kept_logs(place);
    assert_eq!(kept.len(), 1, "{kept:?}");
    fs::rename(&kept[0], sidecar(database, "-wal")).unwrap();
}

#[tokio::test]
async fn log_that_another_process_reads_is_kept() {
    let place = Place::new().await;
    let other = place.other("192.0.2.2").await;
    let store = place.open().await;
    let mut reader = raw(&place.live).await;
    raw_sql("BEGIN; SELECT count(*) FROM dcv_session")
        .execute(&mut reader)
        .await
        .unwrap();
    store
        .register(&record("last", "192.0.2.9"), &TOKEN, NOW)
        .await
        .unwrap();

    let moved = place.path("moved.db");
    fs::rename(&place.live, &moved).unwrap();
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
    drop((reader, store));

    join(&place, &moved);
    let moved = SqliteStore::open(config(&moved)).await.unwrap();
    let last = moved.lookup(&"last".parse().unwrap()).await.unwrap();
    assert_eq!(last, Some(record("last", "192.0.2.9")));
}

#[tokio::test]
async fn read_only_store_keeps_the_log_of_a_replaced_file() {
    let place = Place::new().await;
    let other = place.other("192.0.2.2").await;
    let store = SqliteStore::open(config(&place.live).read_only(true))
        .await
        .unwrap();
    let mut writer = raw(&place.live).await;
    fill(&mut writer, "late").await;

    let moved = place.path("moved.db");
    fs::rename(&place.live, &moved).unwrap();
    fs::rename(&other, &place.live).unwrap();
    noticed(&store, "192.0.2.2").await;
    drop((writer, store));

    join(&place, &moved);
    let moved = SqliteStore::open(config(&moved)).await.unwrap();
    let late = moved.lookup(&"late-0399".parse().unwrap()).await.unwrap();
    assert!(late.is_some());
}
