//! Opening a database that is missing, foreign, in use, or has special names.

use std::fs;
use std::time::Duration;

use dcv_resolver_core::{SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_sqlite::{MIGRATIONS, SqliteStore, migrate};
use sqlx::raw_sql;
use sqlx::sqlite::SqlitePool;

use crate::support::{self, NOW, TOKEN, config, host, record, until, write_database};

#[tokio::test]
async fn missing_file_is_an_error_that_names_it_and_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");

    let config = config(&path);
    let now = SqliteStore::open(config.clone()).await.unwrap_err();
    let later = SqliteStore::open_lazy(config)
        .unwrap()
        .ping()
        .await
        .unwrap_err();

    for error in [now, later] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let text = error.chain().to_string();
        assert!(text.contains("there is no database file /"), "{text}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn created_database_can_be_opened_again_also_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;

    let store = SqliteStore::open(config(&path)).await.unwrap();
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    let read_only = SqliteStore::open(config(&path).read_only(true))
        .await
        .unwrap();
    assert_eq!(host(&read_only).await.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn database_without_tables_is_refused_unless_they_may_be_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    fs::write(&path, "").unwrap();

    for config in [
        config(&path),
        config(&path).read_only(true),
        config(&path).read_only(true).create_if_missing(true),
    ] {
        let error = SqliteStore::open(config).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Incompatible);
        assert!(error.chain().to_string().contains("dcv_session"));
    }
    let store = SqliteStore::open(config(&path).create_if_missing(true))
        .await
        .unwrap();
    assert_eq!(host(&store).await, None);
}

#[tokio::test]
async fn lazy_store_serves_once_its_database_exists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let config = config(&path).create_if_missing(true);
    let store = SqliteStore::open_lazy(config).unwrap();

    for _ in 0..3 {
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(!path.exists());
    }
    let elsewhere = folder.path().join("elsewhere.db");
    write_database(&elsewhere, "192.0.2.1").await;
    fs::rename(&elsewhere, &path).unwrap();

    until(async || support::lookup(&store).await == Ok("192.0.2.1".to_owned())).await;
}

#[tokio::test]
async fn read_only_store_refuses_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let store = SqliteStore::open(config(&path).read_only(true))
        .await
        .unwrap();

    let error = store
        .register(&record("other", "192.0.2.2"), &TOKEN, NOW)
        .await
        .unwrap_err();

    assert_eq!(
        error.store_error().unwrap().kind(),
        StoreErrorKind::NotWritable
    );
    assert!(error.chain().to_string().contains("read-only"));
}

#[tokio::test]
async fn special_names_of_sqlite_are_plain_files() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory", "a b%20c#d.db"] {
        let path = folder.path().join(name);
        write_database(&path, "192.0.2.1").await;
        assert!(path.is_file(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_opens_that_create_one_database_all_succeed() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("sessions.db")).create_if_missing(true);
        let openings: Vec<_> = (0..8)
            .map(|_| tokio::spawn(SqliteStore::open(config.clone())))
            .collect();
        for opening in openings {
            opening.await.unwrap().unwrap().ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn open_waits_for_a_writer_before_it_enables_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let mut writer = support::raw(&path).await;
    let execute = async |writer: &mut _, sql: &'static str| {
        raw_sql(sql).execute(writer).await.unwrap();
    };
    execute(&mut writer, "PRAGMA journal_mode = DELETE").await;
    execute(&mut writer, "BEGIN IMMEDIATE").await;

    let opening = tokio::spawn(SqliteStore::open(config(&path)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!opening.is_finished());
    execute(&mut writer, "COMMIT").await;

    let store = opening.await.unwrap().unwrap();
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    assert!(support::sidecar(&path, "-wal").exists());
}

#[tokio::test]
async fn file_replaced_while_it_is_opened_is_an_error() {
    for read_only in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
        write_database(&path, "192.0.2.1").await;
        write_database(&other, "192.0.2.2").await;
        let mut writer = support::raw(&path).await;
        raw_sql("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
            .execute(&mut writer)
            .await
            .unwrap();

        // The first connection has the file open and waits for the writer.
        let config = config(&path).read_only(read_only);
        let opening = tokio::spawn(SqliteStore::open(config));
        until(async || {
            let handles = fs::read_dir("/proc/self/fd").unwrap();
            let targets = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
            targets.filter(|target| *target == path).count() == 2
        })
        .await;
        fs::rename(&other, &path).unwrap();
        raw_sql("COMMIT").execute(&mut writer).await.unwrap();

        let error = opening.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error.chain().to_string().contains("replaced"));
    }
}

/// Returns the pool of a host service with its own tables, including the one in
/// which sqlx keeps the service's migrations.
async fn host_pool(folder: &tempfile::TempDir) -> SqlitePool {
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("app.db").display());
    let pool = SqlitePool::connect(&url).await.unwrap();
    raw_sql(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY);
         INSERT INTO _sqlx_migrations VALUES (20260102030405);
         CREATE TABLE user (name TEXT);
         PRAGMA user_version = 7",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool
}

/// Returns everything that belongs to the host service.
async fn host_part(pool: &SqlitePool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'dcv_session%'
         UNION ALL SELECT 'migration ' || version FROM _sqlx_migrations
         UNION ALL SELECT 'user_version ' || user_version FROM pragma_user_version",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn migrate_leaves_the_rest_of_a_host_database_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let pool = host_pool(&folder).await;
    let before = host_part(&pool).await;
    let store = SqliteStore::with_pool(pool.clone());
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);

    migrate(&pool).await.unwrap();
    migrate(&pool).await.unwrap();

    store
        .register(&record("console", "192.0.2.1"), &TOKEN, NOW)
        .await
        .unwrap();
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    assert_eq!(host_part(&pool).await, before);
}

#[tokio::test]
async fn host_service_can_run_the_migrations_itself() {
    let folder = tempfile::tempdir().unwrap();
    let pool = host_pool(&folder).await;
    for migration in MIGRATIONS {
        raw_sql(*migration).execute(&pool).await.unwrap();
    }
    migrate(&pool).await.unwrap();
    SqliteStore::with_pool(pool).ping().await.unwrap();
}

#[tokio::test]
async fn debug_shows_the_path_and_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    let debug = format!("{store:?}");
    assert!(debug.contains("sessions.db"), "{debug}");
    assert!(!debug.contains("192.0.2.1"), "{debug}");
}
