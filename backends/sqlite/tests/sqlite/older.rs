//! Databases of older versions.

use std::fs;
use std::path::Path;

use dcv_resolver_core::{
    LeaseToken, SessionListing, SessionRegistry, SessionStore, StoreErrorKind,
};
use dcv_resolver_sqlite::{MIGRATIONS, SqliteStore};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::support::{NOW, TOKEN, config, execute, host, raw, record};

/// Writes a database as the program of `version` did, with `console` under
/// `TOKEN`.
async fn write_version(path: &Path, version: usize) {
    let mut database = raw(path).await;
    for migration in &MIGRATIONS[..version] {
        execute(&mut database, migration).await;
    }
    sqlx::query("INSERT INTO dcv_session (id, host, http_port, lease_token) VALUES ('console', '192.0.2.1', 8443, ?1)")
        .bind(&TOKEN.as_bytes()[..])
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}

async fn tokens_in_clear(database: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM dcv_session WHERE lease_token NOT NULL")
        .fetch_one(database)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_older_version_is_read_without_changing_a_byte() {
    for version in 1..MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        write_version(&path, version).await;
        let before = fs::read(&path).unwrap();

        for config in [config(&path).read_only(true), config(&path).migrate(false)] {
            let store = SqliteStore::open(config).await.unwrap();
            store.ping().await.unwrap();
            assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
            let page = store.list(None, 10.try_into().unwrap()).await.unwrap();
            assert_eq!(page.records.len(), 1);
            assert_eq!(store.schema_version().await.unwrap(), version);
            store
                .backup(&folder.path().join("backup.db"))
                .await
                .unwrap();
            fs::remove_file(folder.path().join("backup.db")).unwrap();
            store.close().await;
        }
        assert_eq!(fs::read(&path).unwrap(), before, "version {version}");
    }
}

#[tokio::test]
async fn unmigrated_database_is_written_once_it_is_migrated() {
    for version in 1..MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        write_version(&path, version).await;
        let store = SqliteStore::open(config(&path).migrate(false))
            .await
            .unwrap();
        let other = record("other", "192.0.2.2");

        let refused = store.register(&other, &TOKEN, NOW).await.unwrap_err();
        let checked = store.check_writable().await.unwrap_err();
        for error in [refused.store_error().unwrap(), &checked] {
            assert_eq!(error.kind(), StoreErrorKind::Incompatible);
            let text = error.chain().to_string();
            assert!(text.contains("migrate the database"), "{text}");
        }

        let migrating = SqliteStore::open(config(&path)).await.unwrap();
        let migration = migrating.migration().await.unwrap();
        assert_eq!((migration.from, migration.to), (version, MIGRATIONS.len()));
        store.register(&other, &TOKEN, NOW).await.unwrap();
        store.check_writable().await.unwrap();
        assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    }
}

#[tokio::test]
async fn migration_hashes_lease_tokens_and_keeps_the_leases() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_version(&path, 2).await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    let mut database = raw(&path).await;
    assert_eq!(tokens_in_clear(&mut database).await, 0);

    let id = "console".parse().unwrap();
    let other = LeaseToken::from_bytes([7; 16]);
    assert!(!store.deregister(&id, &other).await.unwrap());
    assert!(store.deregister(&id, &TOKEN).await.unwrap());
}

#[tokio::test]
async fn token_in_clear_is_accepted_and_hashed_by_the_next_write() {
    for write in ["register", "renew", "deregister"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        // As a host service that runs the migrations itself.
        write_version(&path, 3).await;
        let store = SqliteStore::open(config(&path)).await.unwrap();
        let console = record("console", "192.0.2.1");
        match write {
            "register" => store.register(&console, &TOKEN, NOW).await.unwrap(),
            "renew" => {
                let renewed = store
                    .renew(console.id(), &TOKEN, console.expiry(), NOW)
                    .await;
                renewed.unwrap();
            }
            _ => assert!(store.deregister(console.id(), &TOKEN).await.unwrap()),
        }
        assert_eq!(tokens_in_clear(&mut raw(&path).await).await, 0, "{write}");
    }
}

#[tokio::test]
async fn digest_in_the_database_is_not_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = SqliteStore::open(config(&path).create_if_missing(true))
        .await
        .unwrap();
    let console = record("console", "192.0.2.1");
    store.register(&console, &TOKEN, NOW).await.unwrap();
    let digest = TOKEN.digest();
    let stored: Vec<u8> = sqlx::query_scalar("SELECT lease_digest FROM dcv_session")
        .fetch_one(&mut raw(&path).await)
        .await
        .unwrap();
    assert_eq!(stored, digest);
    for half in digest.chunks(16) {
        let guess = LeaseToken::from_bytes(half.try_into().unwrap());
        assert!(!store.deregister(console.id(), &guess).await.unwrap());
    }
}
