//! Changes are reported, from every process, and nothing else is.

use std::path::PathBuf;

use dcv_resolver_core::{
    Expiry, LeaseToken, OnConflict, RegisterError, SessionImport, SessionRegistry, SessionStore,
    Timestamp,
};
use dcv_resolver_sqlite::{MIGRATIONS, SqliteStore, migrate};
use sqlx::raw_sql;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

use crate::recorder::{Event, Recorder};
use crate::support::{NOW, TOKEN, config, execute, lookup, raw, record, until, write_database};

const OTHER_TOKEN: LeaseToken = LeaseToken::from_bytes(*b"tr0ub4dor-others");

const LATER: Timestamp = Timestamp::from_unix_ms(NOW.as_unix_ms() + 1_000);

/// Creates a directory with a database of `console`, a store that is watched, and
/// another that writes.
async fn place() -> (TempDir, PathBuf, Recorder, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let recorder = Recorder::started(&SqliteStore::open(config(&path)).await.unwrap()).await;
    let writer = SqliteStore::open(config(&path)).await.unwrap();
    (folder, path, recorder, writer)
}

fn changed<const N: usize>(ids: [&str; N]) -> Vec<Event> {
    ids.map(|id| Event::Changed(id.to_owned())).into()
}

async fn sorted_events(recorder: &mut Recorder) -> Vec<Event> {
    let mut events = recorder.events().await;
    events.sort();
    events
}

#[tokio::test]
async fn all_changed_is_reported_at_the_start_and_nothing_without_a_change() {
    let (_folder, _path, mut recorder, writer) = place().await;
    for _ in 0..3 {
        assert_eq!(recorder.events().await, []);
        lookup(&writer).await.unwrap();
    }
}

#[tokio::test]
async fn each_registry_call_reports_the_sessions_it_changed() {
    let (_folder, _path, mut recorder, writer) = place().await;
    let one = record("one", "192.0.2.1");

    writer.register(&one, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
    let moved = record("one", "192.0.2.2");
    writer.register(&moved, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
    let id = one.id();
    let expiry = Expiry::At(LATER);
    writer.renew(id, &TOKEN, expiry, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
    assert!(writer.deregister(id, &TOKEN).await.unwrap());
    assert_eq!(recorder.events().await, changed(["one"]));

    for on_conflict in [OnConflict::Skip, OnConflict::Overwrite] {
        let both = ["one", "two"].map(|id| record(id, "192.0.2.3"));
        writer
            .import(&both, &TOKEN, on_conflict, NOW)
            .await
            .unwrap();
        assert_eq!(sorted_events(&mut recorder).await, changed(["one", "two"]));
    }
    for id in ["one", "two"] {
        let id = id.parse().unwrap();
        writer.renew(&id, &TOKEN, expiry, NOW).await.unwrap();
    }
    assert_eq!(recorder.events().await, changed(["one", "two"]));
    assert_eq!(writer.sweep(LATER).await.unwrap(), 2);
    assert_eq!(sorted_events(&mut recorder).await, changed(["one", "two"]));
}

#[tokio::test]
async fn call_that_changes_nothing_is_not_reported() {
    let (_folder, path, mut recorder, writer) = place().await;
    let console = record("console", "192.0.2.9");

    let error = writer
        .register(&console, &OTHER_TOKEN, NOW)
        .await
        .unwrap_err();
    assert!(matches!(error, RegisterError::AlreadyExists), "{error}");
    writer
        .renew(console.id(), &OTHER_TOKEN, Expiry::Never, NOW)
        .await
        .unwrap_err();
    writer.deregister(console.id(), &OTHER_TOKEN).await.unwrap();
    writer.sweep(NOW).await.unwrap();
    let mut other = raw(&path).await;
    execute(&mut other, "BEGIN; DELETE FROM dcv_session; ROLLBACK").await;

    assert_eq!(recorder.events().await, []);
}

#[tokio::test]
async fn changes_by_other_programs_are_reported() {
    let (_folder, path, mut recorder, _writer) = place().await;
    let mut other = raw(&path).await;
    for (sql, ids) in [
        (
            "INSERT INTO dcv_session (id, host, http_port) VALUES ('b', '192.0.2.1', 1)",
            &["b"][..],
        ),
        ("UPDATE dcv_session SET owner = id", &["b", "console"]),
        (
            "UPDATE dcv_session SET id = 'a' WHERE id = 'b'",
            &["a", "b"],
        ),
        (
            "UPDATE OR REPLACE dcv_session SET id = 'a' WHERE id = 'console'",
            &["a", "console"],
        ),
        (
            "INSERT OR REPLACE INTO dcv_session (id, host, http_port) VALUES ('a', '192.0.2.2', 1)",
            &["a"],
        ),
        ("DELETE FROM dcv_session", &["a"]),
        // Two of these ids cannot be looked up; the third is reported.
        (
            "INSERT INTO dcv_session (id, host, http_port) VALUES
                 ('', '192.0.2.1', 1), (CAST(x'ff' AS TEXT), '192.0.2.1', 1), ('c', '192.0.2.1', 1)",
            &["c"],
        ),
    ] {
        execute(&mut other, sql).await;
        let events = sorted_events(&mut recorder).await;
        let expected = ids.iter().map(|id| Event::Changed((*id).to_owned()));
        assert_eq!(events, expected.collect::<Vec<_>>(), "{sql}");
    }
}

#[tokio::test]
async fn checkpoint_or_change_of_another_table_is_not_reported() {
    let (_folder, path, mut recorder, _writer) = place().await;
    let mut other = raw(&path).await;
    execute(&mut other, "CREATE TABLE user (name TEXT)").await;
    recorder.events().await;
    for sql in [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "INSERT INTO user VALUES ('ann')",
        "PRAGMA wal_checkpoint(RESTART)",
        "DELETE FROM user",
        "PRAGMA user_version = 7",
    ] {
        execute(&mut other, sql).await;
        assert_eq!(recorder.events().await, [], "{sql}");
    }
}

#[tokio::test]
async fn more_changes_than_are_recorded_are_reported_as_all_changed() {
    let (_folder, path, mut recorder, writer) = place().await;
    let records: Vec<_> = (0..4_500)
        .map(|n| record(&format!("session-{n}"), "192.0.2.1"))
        .collect();
    let import = async |records| {
        let imported = writer
            .import(records, &TOKEN, OnConflict::Overwrite, NOW)
            .await;
        imported.unwrap();
    };
    // Wherever the next trimming is.
    for _ in 0..4 {
        import(&records[..900]).await;
        assert_eq!(recorder.events().await.len(), 900);
    }
    import(&records).await;
    assert_eq!(recorder.events().await, [Event::AllChanged]);
    import(&records[..1]).await;
    assert_eq!(recorder.events().await, changed(["session-0"]));

    let mut other = raw(&path).await;
    let recorded: i64 = sqlx::query_scalar("SELECT count(*) FROM dcv_session_change")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert!((1_000..2_000).contains(&recorded), "{recorded}");
}

#[tokio::test]
async fn altered_tables_are_reported_as_all_changed() {
    let (_folder, path, mut recorder, _writer) = place().await;
    let mut other = raw(&path).await;
    for sql in [
        "CREATE TABLE user (name TEXT)",
        "ALTER TABLE dcv_session ADD COLUMN colour TEXT",
        "VACUUM",
    ] {
        execute(&mut other, sql).await;
        assert_eq!(recorder.events().await, [Event::AllChanged], "{sql}");
        assert_eq!(recorder.events().await, [], "{sql}");
    }
}

#[tokio::test]
async fn emptied_change_log_is_reported_as_all_changed() {
    let (_folder, path, mut recorder, writer) = place().await;
    let mut other = raw(&path).await;
    execute(&mut other, "DELETE FROM dcv_session_change").await;
    assert_eq!(recorder.events().await, [Event::AllChanged]);
    let one = record("one", "192.0.2.1");
    writer.register(&one, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, [Event::AllChanged]);
    writer.register(&one, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
}

/// A program may have opened the database before it was migrated.
#[tokio::test]
async fn changes_by_a_connection_older_than_the_change_log_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut older = raw(&path).await;
    raw_sql(MIGRATIONS[0]).execute(&mut older).await.unwrap();
    let insert = async |writer: &mut SqliteConnection, id| {
        sqlx::query("INSERT INTO dcv_session (id, host, http_port) VALUES (?1, '192.0.2.1', 1)")
            .bind(id)
            .execute(writer)
            .await
            .unwrap();
    };
    insert(&mut older, "before").await;

    let store = SqliteStore::open(config(&path)).await.unwrap();
    let mut recorder = Recorder::started(&store).await;
    insert(&mut older, "after").await;
    assert_eq!(recorder.events().await, changed(["after"]));
}

#[tokio::test]
async fn read_only_store_reports_changes_by_others() {
    let (_folder, path, _recorder, writer) = place().await;
    let reader = SqliteStore::open(config(&path).read_only(true))
        .await
        .unwrap();
    let mut recorder = Recorder::started(&reader).await;
    let one = record("one", "192.0.2.1");
    writer.register(&one, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
}

#[tokio::test]
async fn reported_change_is_visible_to_each_of_several_listeners() {
    let (_folder, path, mut first, writer) = place().await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    let mut others = [
        Recorder::started(&store).await,
        Recorder::started(&store).await,
    ];
    for n in 1..20 {
        let console = record("console", &format!("192.0.2.{n}"));
        writer.register(&console, &TOKEN, NOW).await.unwrap();
        for recorder in others.iter_mut().chain([&mut first]) {
            let called = recorder
                .until(|event| *event == changed(["console"])[0])
                .await;
            assert_eq!(called, changed(["console"]));
            assert_eq!(lookup(&store).await, Ok(console.host().to_string()));
        }
    }
}

#[tokio::test]
async fn dropped_watch_reports_disconnected() {
    let (_folder, path, recorder, _writer) = place().await;
    assert_eq!(recorder.stop().await, [Event::Disconnected]);

    // Even if it was never polled, on this runtime of one thread.
    let store = SqliteStore::open(config(&path)).await.unwrap();
    assert_eq!(Recorder::watch(&store).stop().await, [Event::Disconnected]);
}

#[tokio::test]
async fn watch_continues_without_the_store() {
    let (_folder, path, _recorder, writer) = place().await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    let mut recorder = Recorder::started(&store).await;
    drop(store);
    let one = record("one", "192.0.2.1");
    writer.register(&one, &TOKEN, NOW).await.unwrap();
    assert_eq!(recorder.events().await, changed(["one"]));
}

async fn host_pool(url: &str) -> SqlitePool {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect(url)
        .await
        .unwrap();
    migrate(&pool).await.unwrap();
    pool
}

#[tokio::test]
async fn pool_of_one_connection_is_followed_and_stays_usable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    for url in [
        format!("sqlite:{}?mode=rwc", path.display()),
        "sqlite::memory:".to_owned(),
    ] {
        let pool = host_pool(&url).await;
        let store = SqliteStore::with_pool(pool.clone());
        let mut recorder = Recorder::started(&store).await;
        let one = record("one", "192.0.2.1");
        store.register(&one, &TOKEN, NOW).await.unwrap();
        assert_eq!(recorder.events().await, changed(["one"]), "{url}");

        let mut held = pool.acquire().await.unwrap();
        let update = "UPDATE dcv_session SET owner = 'ann'";
        raw_sql(update).execute(&mut *held).await.unwrap();
        assert_eq!(recorder.events().await, changed(["one"]), "{url}");
        drop(held);
        assert_eq!(
            store.lookup(one.id()).await.unwrap().unwrap().owner(),
            Some("ann")
        );
    }
}

#[tokio::test]
async fn closed_pool_is_disconnected_and_its_file_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let pool = host_pool(&format!("sqlite:{}?mode=rwc", path.display())).await;
    raw_sql("PRAGMA journal_mode = WAL")
        .execute(&pool)
        .await
        .unwrap();
    let mut recorder = Recorder::started(&SqliteStore::with_pool(pool.clone())).await;
    pool.close().await;
    assert_eq!(
        recorder.until(|event| *event == Event::Disconnected).await,
        [Event::Disconnected]
    );
    // The last connection takes the log with it.
    until(async || !crate::support::sidecar(&path, "-wal").exists()).await;
}

#[tokio::test]
async fn pool_without_change_log_is_unsupported_until_it_is_migrated() {
    // No tables, and those of the first version.
    for tables in ["", MIGRATIONS[0]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let url = format!("sqlite:{}?mode=rwc", path.display());
        let pool = SqlitePool::connect(&url).await.unwrap();
        raw_sql(tables).execute(&pool).await.unwrap();
        let mut recorder = Recorder::watch(&SqliteStore::with_pool(pool.clone()));
        assert_eq!(
            recorder.until(|event| *event == Event::Unsupported).await,
            [Event::Unsupported]
        );
        migrate(&pool).await.unwrap();
        assert_eq!(recorder.events().await, [Event::AllChanged]);
    }
}
