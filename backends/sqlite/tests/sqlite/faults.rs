//! Faults of a database: each is a typed error, never an absent session, and
//! ends as soon as its cause is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    Expiry, OnConflict, SessionId, SessionImport, SessionListing, SessionRegistry, SessionStore,
    StoreErrorKind, Timestamp,
};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore, migrate};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, raw_sql};
use tempfile::TempDir;

use crate::support::{
    NOW, PATIENCE, TOKEN, config, execute, host, lookup, ordinary_user, raw, record, sidecar,
    until, write_back, write_database,
};

const RECOVERED_WITHIN: Duration = Duration::from_secs(2);

/// The default timeouts allow 0.8 s; a busy machine adds to it. The driver's own
/// default is to wait 5 s for a lock.
const ANSWERED_WITHIN: Duration = Duration::from_millis(1_500);

/// Creates a directory with a database of several pages, one of them with
/// `console` on 192.0.2.1.
async fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let records: Vec<_> = (0..200)
        .map(|n| record(&format!("session-{n:03}"), "192.0.2.2"))
        .collect();
    let store = SqliteStore::open(config(&path)).await.unwrap();
    store
        .import(&records, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();
    drop(store);
    write_back(&path).await;
    (folder, path)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(config(path)).await.unwrap()
}

/// Replaces the file at `path` by a new one with `content`.
fn replace(path: &Path, content: &[u8]) {
    let new = sidecar(path, ".new");
    fs::write(&new, content).unwrap();
    fs::rename(&new, path).unwrap();
}

async fn fails(store: &SqliteStore, kind: StoreErrorKind) {
    until(async || lookup(store).await == Err(kind)).await;
    let started = Instant::now();
    assert_eq!(store.ping().await.unwrap_err().kind(), kind);
    let error = store
        .register(&record("other", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap_err();
    assert_eq!(error.store_error().unwrap().kind(), kind);
    assert!(started.elapsed() < ANSWERED_WITHIN);
}

async fn recovers(store: &SqliteStore) {
    let other = record("other", "192.0.2.3");
    let took = until(async || {
        lookup(store).await.as_deref() == Ok("192.0.2.1")
            && store.ping().await.is_ok()
            && store.register(&other, &TOKEN, NOW).await.is_ok()
    })
    .await;
    assert!(took < RECOVERED_WITHIN, "{took:?}");
}

#[tokio::test]
async fn file_that_is_not_a_database_is_corrupt() {
    let (_folder, path) = place().await;
    let good = fs::read(&path).unwrap();
    let store = open(&path).await;
    let garbage = b"[sessions]\nnot = 'a database'\n".repeat(500);

    replace(&path, &garbage);
    fails(&store, StoreErrorKind::CorruptStore).await;
    let error = SqliteStore::open(config(&path)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::CorruptStore);
    replace(&path, &good);
    recovers(&store).await;
}

#[tokio::test]
async fn overwritten_open_file_is_an_error_until_it_is_restored() {
    let (_folder, path) = place().await;
    let good = fs::read(&path).unwrap();
    for garbage in [vec![0x5a; good.len()], vec![0; good.len()], vec![]] {
        let store = open(&path).await;
        fs::write(&path, &garbage).unwrap();
        fails_somehow(&store).await;
        fs::write(&path, &good).unwrap();
        recovers(&store).await;
        drop(store);
        write_back(&path).await;
    }
}

/// Waits until lookups fail; cached pages may be read before.
async fn fails_somehow(store: &SqliteStore) -> StoreErrorKind {
    let mut kind = None;
    until(async || {
        kind = lookup(store).await.err();
        kind.is_some()
    })
    .await;
    kind.unwrap()
}

#[tokio::test]
async fn file_truncated_anywhere_never_hides_a_session() {
    let (_folder, path) = place().await;
    let good = fs::read(&path).unwrap();
    for length in (512..good.len())
        .step_by(512)
        .chain([1, 99, 100, 101, good.len() - 1])
    {
        let cut = path.with_extension(length.to_string());
        fs::write(&cut, &good[..length]).unwrap();
        match SqliteStore::open(config(&cut)).await {
            Ok(store) => {
                // A page that is still there may be answered.
                let _answer_or_error = lookup(&store).await;
            }
            // SQLite takes a file of one byte for an empty one.
            Err(error) if length == 1 => assert_eq!(error.kind(), StoreErrorKind::Incompatible),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::CorruptStore, "{length}"),
        }
    }

    let store = open(&path).await;
    for length in [4096, good.len() / 2] {
        replace(&path, &good[..length]);
        fails(&store, StoreErrorKind::CorruptStore).await;
        replace(&path, &good);
        recovers(&store).await;
    }
}

#[tokio::test]
async fn directory_under_the_path_is_an_outage() {
    let (_folder, path) = place().await;
    let good = fs::read(&path).unwrap();
    let store = open(&path).await;

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    fails(&store, StoreErrorKind::Unavailable).await;
    fs::remove_dir(&path).unwrap();
    replace(&path, &good);
    recovers(&store).await;
}

#[tokio::test]
async fn writer_that_keeps_its_lock_stops_only_writers() {
    let (_folder, path) = place().await;
    let config = SqliteConfig::new(&path).acquire_timeout(PATIENCE);
    let store = SqliteStore::open(config).await.unwrap();
    let mut holder = raw(&path).await;
    execute(&mut holder, "BEGIN IMMEDIATE").await;

    let started = Instant::now();
    let error = store
        .register(&record("other", "192.0.2.3"), &TOKEN, NOW)
        .await
        .unwrap_err();
    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::Unavailable
    );
    assert!(error.is_retryable());
    assert!(started.elapsed() < ANSWERED_WITHIN);
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));

    execute(&mut holder, "ROLLBACK").await;
    recovers(&store).await;
}

/// Creates a database without a write-ahead log, which a read-only store does
/// not change: there a writer locks readers out.
async fn without_log() -> (TempDir, PathBuf, SqliteConnection) {
    let (folder, path) = place().await;
    let mut holder = raw(&path).await;
    execute(&mut holder, "PRAGMA journal_mode = DELETE").await;
    (folder, path, holder)
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_database_is_an_outage_for_each_of_many_calls() {
    let (_folder, path, mut holder) = without_log().await;
    let config = SqliteConfig::new(&path).read_only(true);
    let store = Arc::new(SqliteStore::open(config).await.unwrap());
    execute(&mut holder, "BEGIN EXCLUSIVE").await;

    let calls: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let started = Instant::now();
                (lookup(&store).await, started.elapsed())
            })
        })
        .collect();
    for call in calls {
        let (answer, took) = call.await.unwrap();
        assert!(
            matches!(
                answer,
                Err(StoreErrorKind::Unavailable | StoreErrorKind::TimedOut)
            ),
            "{answer:?}"
        );
        assert!(took < ANSWERED_WITHIN, "{took:?}");
    }

    execute(&mut holder, "ROLLBACK").await;
    assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.1"));
}

#[tokio::test]
async fn locked_database_is_opened_once_the_lock_is_released() {
    let (_folder, path, mut holder) = without_log().await;
    let config = SqliteConfig::new(&path).acquire_timeout(PATIENCE);
    let store = SqliteStore::open_lazy(config.clone()).unwrap();
    execute(&mut holder, "BEGIN EXCLUSIVE").await;

    let started = Instant::now();
    let error = SqliteStore::open(config).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(started.elapsed() < ANSWERED_WITHIN);
    fails(&store, StoreErrorKind::Unavailable).await;

    execute(&mut holder, "ROLLBACK").await;
    recovers(&store).await;
}

#[tokio::test]
async fn newer_schema_is_incompatible() {
    let (_folder, path) = place().await;
    let store = open(&path).await;
    let mut other = raw(&path).await;
    execute(&mut other, "UPDATE dcv_session_schema SET version = 99").await;

    let error = store.ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    for config in [config(&path), config(&path).read_only(true)] {
        let error = SqliteStore::open(config).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Incompatible);
        let text = error.chain().to_string();
        assert!(
            text.contains("version 99, newer than the supported 3"),
            "{text}"
        );
    }

    execute(&mut other, "UPDATE dcv_session_schema SET version = 3").await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn missing_table_or_column_is_incompatible() {
    let (_folder, path) = place().await;
    let store = open(&path).await;
    let mut other = raw(&path).await;
    for (damage, repair) in [
        (
            "ALTER TABLE dcv_session RENAME TO elsewhere",
            "ALTER TABLE elsewhere RENAME TO dcv_session",
        ),
        (
            "ALTER TABLE dcv_session RENAME COLUMN owner TO whose",
            "ALTER TABLE dcv_session RENAME COLUMN whose TO owner",
        ),
    ] {
        execute(&mut other, damage).await;
        fails(&store, StoreErrorKind::Incompatible).await;
        execute(&mut other, repair).await;
        recovers(&store).await;
    }
}

#[tokio::test]
async fn invalid_row_is_a_corrupt_record_that_names_session_and_column() {
    let (_folder, path) = place().await;
    let store = open(&path).await;
    let mut other = raw(&path).await;
    execute(&mut other, "PRAGMA ignore_check_constraints = ON").await;
    for (column, value) in [
        ("host", "'https://ws.example'"),
        ("host", "''"),
        ("target_id", "''"),
        ("http_port", "0"),
        ("http_port", "-1"),
        ("http_port", "65536"),
        ("http_port", "NULL"),
        ("quic_port", "70000"),
        ("web_url_path", "'desktop'"),
        ("state", "'ready'"),
        ("labels", "'[1]'"),
        ("labels", "'{'"),
        ("owner", "CAST(x'ff' AS TEXT)"),
    ] {
        let set = format!("UPDATE dcv_session SET {column} = {value} WHERE id = 'console'");
        execute(&mut other, &set).await;
        let error = store.lookup(&"console".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord, "{set}");
        let text = error.chain().to_string();
        assert!(text.contains("\"console\""), "{text}");
        assert!(
            value == "NULL" || value == "0" || text.contains(column),
            "{text}"
        );
        let page = store.list(None, 500.try_into().unwrap()).await.unwrap();
        let shown = page.unreadable[0].chain().to_string();
        assert_eq!((page.unreadable.len(), shown), (1, text), "{set}");
        assert!(page.records.len() >= 200);
        // Other sessions are still served.
        let other_id = "session-007".parse().unwrap();
        assert!(store.lookup(&other_id).await.unwrap().is_some());

        store
            .register(&record("console", "192.0.2.1"), &TOKEN, NOW)
            .await
            .unwrap();
        recovers(&store).await;
    }
}

/// Opens the pool of a host service with one connection.
async fn pool(path: &Path) -> SqlitePool {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect(&format!("sqlite:{}?mode=rwc", path.display()))
        .await
        .unwrap();
    migrate(&pool).await.unwrap();
    pool
}

#[tokio::test]
async fn full_database_refuses_writes_and_still_answers() {
    let (_folder, path) = place().await;
    let pool = pool(&path).await;
    let store = SqliteStore::with_pool(pool.clone());
    let limit = |pages: u32| AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    raw_sql(limit(1)).execute(&pool).await.unwrap();

    let big = (0..1_000).map(|n| record(&format!("big-{n:04}"), "192.0.2.3"));
    let big: Vec<_> = big.collect();
    let error = store
        .import(&big, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotWritable);
    // All or nothing, and the lock is free again.
    assert_eq!(store.lookup(big[0].id()).await.unwrap(), None);
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));

    raw_sql(limit(1_000_000)).execute(&pool).await.unwrap();
    store
        .import(&big, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();
    assert!(store.lookup(big[999].id()).await.unwrap().is_some());
}

#[test]
fn file_without_write_permission_still_answers() {
    ordinary_user(
        "faults::file_without_write_permission_still_answers",
        async || {
            use std::os::unix::fs::PermissionsExt;

            let (folder, path) = place().await;
            // SQLite gives the files beside it the mode that it has.
            let files = [path.clone(), sidecar(&path, "-wal"), sidecar(&path, "-shm")];
            let allow = |mode, folder_mode| {
                for file in files.iter().filter(|file| file.exists()) {
                    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
                }
                fs::set_permissions(folder.path(), fs::Permissions::from_mode(folder_mode))
                    .unwrap();
            };

            allow(0o444, 0o755);
            let store = open(&path).await;
            let error = store
                .register(&record("other", "192.0.2.3"), &TOKEN, NOW)
                .await
                .unwrap_err();
            assert_eq!(
                error.store_error().unwrap().kind(),
                StoreErrorKind::NotWritable
            );
            assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.1"));
            allow(0o644, 0o755);
            until(async || {
                let other = record("other", "192.0.2.3");
                store.register(&other, &TOKEN, NOW).await.is_ok()
            })
            .await;
            drop(store);
            write_back(&path).await;

            allow(0o000, 0o755);
            let error = SqliteStore::open(config(&path)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            let text = error.chain().to_string();
            assert!(text.contains("sessions.db"), "{text}");

            let store = SqliteStore::open_lazy(config(&path)).unwrap();
            allow(0o444, 0o555);
            let in_read_only_folder = lookup(&store).await;
            assert!(in_read_only_folder.is_err(), "{in_read_only_folder:?}");
            allow(0o644, 0o755);
            recovers(&store).await;
        },
    );
}

/// Asserts that no lookup fails while many writes do, all as `kind`.
async fn lookups_succeed_while_writes_fail(store: &Arc<SqliteStore>, kind: StoreErrorKind) {
    let end = Instant::now() + Duration::from_secs(1);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                while Instant::now() < end {
                    let other = record("other", "192.0.2.3");
                    let error = store.register(&other, &TOKEN, NOW).await.unwrap_err();
                    assert_eq!(error.store_error().unwrap().kind(), kind);
                }
            })
        })
        .collect();
    while Instant::now() < end {
        let store = Arc::clone(store);
        let lookup = tokio::spawn(async move { lookup(&store).await });
        assert_eq!(lookup.await.unwrap().as_deref(), Ok("192.0.2.1"));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn writes_that_lack_a_column_do_not_disturb_lookups() {
    let (_folder, path) = place().await;
    let store = Arc::new(open(&path).await);
    let mut other = raw(&path).await;
    let rename = "ALTER TABLE dcv_session RENAME COLUMN lease_digest TO gone";
    execute(&mut other, rename).await;
    lookups_succeed_while_writes_fail(&store, StoreErrorKind::Incompatible).await;
}

#[test]
fn writes_without_permission_do_not_disturb_lookups() {
    ordinary_user(
        "faults::writes_without_permission_do_not_disturb_lookups",
        async || {
            use std::os::unix::fs::PermissionsExt;

            let (_folder, path) = place().await;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
            let store = Arc::new(open(&path).await);
            lookups_succeed_while_writes_fail(&store, StoreErrorKind::NotWritable).await;
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_cancelled_calls_leak_no_connection_of_a_pool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap();
    cancel_ten_thousand_calls(&SqliteStore::with_pool(pool.clone())).await;
    until(async || pool.num_idle() == pool.size() as usize).await;
    assert!(pool.size() <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_cancelled_calls_leave_a_file_usable() {
    let (_folder, path) = place().await;
    cancel_ten_thousand_calls(&open(&path).await).await;
}

/// Cancels calls at any point, then uses the store.
async fn cancel_ten_thousand_calls(store: &SqliteStore) {
    let batch: Vec<_> = (0..20)
        .map(|n| record(&format!("batch-{n}"), "192.0.2.2"))
        .collect();
    let one = record("one", "192.0.2.2");

    for call in 0..10_000_u32 {
        // From "at once" to "nearly done", in steps of 7 µs.
        let budget = Duration::from_micros(u64::from(call % 100) * 7);
        let _cancelled_or_done = tokio::time::timeout(budget, async {
            match call % 4 {
                0 => drop(store.import(&batch, &TOKEN, OnConflict::Skip, NOW).await),
                1 => drop(store.register(&one, &TOKEN, NOW).await),
                2 => drop(store.list(None, 10.try_into().unwrap()).await),
                _ => drop(host(store).await),
            }
        })
        .await;
    }

    // An open transaction would lock this out, and a lost connection would make
    // it fail.
    for _ in 0..100 {
        assert_eq!(host(store).await.as_deref(), Some("192.0.2.1"));
        store.register(&one, &TOKEN, NOW).await.unwrap();
    }
    // The batch was stored completely or not at all.
    let mut stored = 0;
    for record in &batch {
        stored += usize::from(store.lookup(record.id()).await.unwrap().is_some());
    }
    assert!(stored == 0 || stored == batch.len(), "{stored}");
}

#[tokio::test]
async fn extreme_values_are_returned_unchanged() {
    let (_folder, path) = place().await;
    let store = open(&path).await;
    let far = [i64::MIN, -1, 0, 1, i64::MAX];
    let odd = far.map(|at_ms| {
        record(
            &format!("odd {at_ms} 'quoted' \"twice\" \\ ü 漢 🂡"),
            "192.0.2.3",
        )
        .to_builder()
        .expiry(Expiry::At(Timestamp::from_unix_ms(at_ms)))
        .target_id("another id".parse::<SessionId>().unwrap())
        .owner("nul \0 and \u{7f} and \u{1f600} and \u{ffff}")
        .label("a \0 b", "\"\\\r\n\u{2028}")
        .label("", "")
        .quic_port(65_535)
        .build()
        .unwrap()
    });

    for existing in [OnConflict::Skip, OnConflict::Overwrite] {
        store.import(&odd, &TOKEN, existing, NOW).await.unwrap();
        for record in &odd {
            let found = store.lookup(record.id()).await.unwrap();
            assert_eq!(found.as_ref(), Some(record));
            store.deregister(record.id(), &TOKEN).await.unwrap();
        }
    }
    for record in &odd {
        store.register(record, &TOKEN, NOW).await.unwrap();
        let found = store.lookup(record.id()).await.unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }
}
