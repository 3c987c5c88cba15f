//! Backup and restore.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use dcv_resolver_core::{
    LeaseToken, OnConflict, SessionImport, SessionListing, SessionRegistry, StoreErrorKind,
};
use dcv_resolver_sqlite::{BackupError, MIGRATIONS, SqliteStore};
use sqlx::Connection;

use crate::recorder::{Event, Recorder};
use crate::support::{NOW, TOKEN, config, execute, host, raw, record, sidecar, write_database};

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(config(path).create_if_missing(true))
        .await
        .unwrap()
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    let page = store.list(None, 1_000.try_into().unwrap()).await.unwrap();
    let ids = page.records.iter().map(|record| record.id().to_string());
    ids.collect()
}

#[tokio::test]
async fn backup_of_a_database_in_use_is_restored_while_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("a b%.db"), folder.path().join("b#?%.db"));
    let store = open(&path).await;
    let served = open(&path).await;
    store
        .register(&record("console", "192.0.2.1"), &TOKEN, NOW)
        .await
        .unwrap();

    assert_eq!(store.backup(&backup).await.unwrap(), 1);
    assert!(!sidecar(&backup, "-wal").exists());
    let error = store.backup(&backup).await.unwrap_err();
    assert!(matches!(error, BackupError::AlreadyExists { path } if path == backup));

    let mut recorder = Recorder::started(&served).await;
    let later = ["other", "third"].map(|id| record(id, "192.0.2.2"));
    let import = store.import(&later, &TOKEN, OnConflict::Skip, NOW).await;
    import.unwrap();
    let token = LeaseToken::from_bytes([7; 16]);
    store
        .deregister(&"console".parse().unwrap(), &TOKEN)
        .await
        .unwrap();
    store
        .register(&record("console", "192.0.2.9"), &token, NOW)
        .await
        .unwrap();
    recorder.events().await;

    let restored = store.restore(&backup).await.unwrap();

    assert_eq!((restored.replaced, restored.restored), (3, 1));
    assert_eq!(host(&served).await.as_deref(), Some("192.0.2.1"));
    assert_eq!(ids(&served).await, ["console"]);
    let events = recorder.events().await;
    assert!(
        events.contains(&Event::Changed("console".to_owned())),
        "{events:?}"
    );
    // The lease of the backup is back as well.
    let id = "console".parse().unwrap();
    assert!(!store.deregister(&id, &token).await.unwrap());
    assert!(store.deregister(&id, &TOKEN).await.unwrap());
}

#[tokio::test]
async fn database_of_each_older_version_is_restored_with_its_leases() {
    for version in 1..=MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("old.db");
        let mut old = raw(&backup).await;
        for migration in &MIGRATIONS[..version] {
            execute(&mut old, migration).await;
        }
        sqlx::query("INSERT INTO dcv_session (id, host, http_port, lease_token) VALUES ('console', '192.0.2.1', 8443, ?1)")
            .bind(&TOKEN.as_bytes()[..])
            .execute(&mut old)
            .await
            .unwrap();
        old.close().await.unwrap();
        let before = fs::read(&backup).unwrap();

        let store = open(&folder.path().join("sessions.db")).await;
        store.restore(&backup).await.unwrap();

        assert_eq!(fs::read(&backup).unwrap(), before);
        assert!(
            store
                .deregister(&"console".parse().unwrap(), &TOKEN)
                .await
                .unwrap()
        );
    }
}

#[tokio::test]
async fn file_that_is_no_sound_database_of_ours_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let store = open(&path).await;
    let at = |name: &str| folder.path().join(name);

    fs::write(at("text"), "[sessions]\n".repeat(500)).unwrap();
    fs::write(at("empty"), "").unwrap();
    let mut other = raw(&at("other")).await;
    execute(&mut other, "CREATE TABLE user (name TEXT)").await;
    let mut newer = raw(&at("newer")).await;
    for migration in MIGRATIONS {
        execute(&mut newer, migration).await;
    }
    execute(&mut newer, "UPDATE dcv_session_schema SET version = 99").await;
    write_database(&at("cut"), "192.0.2.2").await;
    let whole = fs::read(at("cut")).unwrap();
    fs::write(at("cut"), &whole[..whole.len() - 4096]).unwrap();

    for (name, kind) in [
        ("text", StoreErrorKind::CorruptStore),
        ("empty", StoreErrorKind::Incompatible),
        ("other", StoreErrorKind::Incompatible),
        ("newer", StoreErrorKind::Incompatible),
        ("cut", StoreErrorKind::CorruptStore),
        ("missing", StoreErrorKind::Unavailable),
        ("sessions.db", StoreErrorKind::InvalidConfig),
    ] {
        let error = store.restore(&at(name)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {}", error.chain());
        assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    }
}

#[tokio::test]
async fn backup_behind_a_link_is_restored_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("elsewhere")).unwrap();
    let backup = at("elsewhere").join("backup.db");
    write_database(&backup, "192.0.2.1").await;
    let in_use = open(&backup).await;
    in_use
        .register(&record("console", "192.0.2.2"), &TOKEN, NOW)
        .await
        .unwrap();
    assert!(fs::metadata(sidecar(&backup, "-wal")).unwrap().len() > 0);
    symlink(&backup, at("link.db")).unwrap();

    let store = open(&at("sessions.db")).await;
    store.restore(&at("link.db")).await.unwrap();

    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.2"));
}

#[tokio::test]
async fn one_of_two_backups_to_one_name_is_made_and_complete() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = open(&at("sessions.db")).await;
    store
        .register(&record("console", "192.0.2.1"), &TOKEN, NOW)
        .await
        .unwrap();
    let backup = at("backup.db");

    let (first, second) = tokio::join!(store.backup(&backup), store.backup(&backup));

    let (made, refused) = match (first, second) {
        (Ok(made), Err(refused)) | (Err(refused), Ok(made)) => (made, refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(made, 1);
    assert!(matches!(refused, BackupError::AlreadyExists { .. }));
    assert_eq!(
        host(&open(&backup).await).await.as_deref(),
        Some("192.0.2.1")
    );
}

#[tokio::test]
async fn backup_changes_no_file_of_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = open(&at("sessions.db")).await;
    fs::create_dir(at("backups")).unwrap();
    let own = at("backups").join("backup.db.partial");
    fs::write(&own, "kept").unwrap();

    let not_utf8 = OsStr::from_bytes(b"backups/\xff.db");
    let error = store.backup(&folder.path().join(not_utf8)).await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, BackupError::Store(error) if error.kind() == StoreErrorKind::InvalidConfig),
        "{error}"
    );
    store.backup(&at("backups/backup.db")).await.unwrap();

    assert_eq!(fs::read_to_string(&own).unwrap(), "kept");
    assert_eq!(fs::read_dir(at("backups")).unwrap().count(), 2);
}
