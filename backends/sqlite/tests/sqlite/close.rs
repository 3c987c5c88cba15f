//! Closing a store, and files that a killed process leaves.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use dcv_resolver_core::{OnConflict, SessionImport, SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_sqlite::SqliteStore;
use sqlx::Connection;
use tempfile::TempDir;

use crate::recorder::{Event, Recorder};
use crate::support::{
    NOW, TOKEN, config, execute, host, lookup, raw, record, sidecar, until, write_database,
};

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(config(path).create_if_missing(true))
        .await
        .unwrap()
}

#[tokio::test]
async fn closed_database_is_one_file_with_every_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = open(&path).await;
    let mut recorder = Recorder::started(&store).await;
    store
        .register(&record("console", "192.0.2.1"), &TOKEN, NOW)
        .await
        .unwrap();
    assert!(sidecar(&path, "-wal").exists());

    store.close().await;

    recorder.until(|event| *event == Event::Disconnected).await;
    assert!(!sidecar(&path, "-wal").exists());
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    assert_eq!(host(&open(&copy).await).await.as_deref(), Some("192.0.2.1"));
    assert_eq!(lookup(&store).await, Err(StoreErrorKind::Unavailable));
    let error = store.ping().await.unwrap_err().chain().to_string();
    assert!(error.contains("the store was closed"), "{error}");
    store.close().await;
}

#[tokio::test]
async fn database_that_another_process_uses_is_complete_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let mut other = raw(&path).await;
    execute(&mut other, "SELECT * FROM dcv_session").await;
    let store = open(&path).await;
    store
        .register(&record("console", "192.0.2.2"), &TOKEN, NOW)
        .await
        .unwrap();

    store.close().await;

    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    assert_eq!(host(&open(&copy).await).await.as_deref(), Some("192.0.2.2"));
    other.close().await.unwrap();
}

#[tokio::test]
async fn created_files_are_readable_by_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = open(&path).await;
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    for file in [
        path.clone(),
        sidecar(&path, "-wal"),
        sidecar(&path, "-shm"),
        backup,
    ] {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
}

/// Creates a database of several pages with `console` on `host` and a log that
/// was left behind, as by a killed process: it holds `console` on `logged`.
async fn left_behind(folder: &TempDir, host: &str, logged: &str) -> PathBuf {
    let live = folder.path().join(format!("live-{host}.db"));
    write_database(&live, host).await;
    let store = open(&live).await;
    store
        .register(&record("console", logged), &TOKEN, NOW)
        .await
        .unwrap();
    let path = folder.path().join(format!("left-{host}.db"));
    fs::copy(&live, &path).unwrap();
    fs::copy(sidecar(&live, "-wal"), sidecar(&path, "-wal")).unwrap();
    store.close().await;
    path
}

#[tokio::test]
async fn own_log_that_was_left_behind_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = left_behind(&folder, "192.0.2.1", "192.0.2.2").await;
    assert_eq!(host(&open(&path).await).await.as_deref(), Some("192.0.2.2"));
}

#[tokio::test]
async fn log_of_another_database_is_refused_with_what_to_do() {
    for in_place in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = left_behind(&folder, "192.0.2.1", "192.0.2.2").await;
        let backup = folder.path().join("backup.db");
        write_database(&backup, "192.0.2.3").await;
        if in_place {
            fs::copy(&backup, &path).unwrap();
        } else {
            fs::rename(&backup, &path).unwrap();
        }

        let error = SqliteStore::open(config(&path)).await.unwrap_err();

        assert_eq!(error.kind(), StoreErrorKind::CorruptStore);
        let text = error.chain().to_string();
        assert!(text.contains("belongs to another database"), "{text}");
        assert!(text.contains("move the log away"), "{text}");
        let log = sidecar(&path, "-wal");
        fs::rename(&log, folder.path().join("kept-wal")).unwrap();
        assert_eq!(host(&open(&path).await).await.as_deref(), Some("192.0.2.3"));
    }
}

#[tokio::test]
async fn log_of_a_database_whose_mode_was_changed_is_kept_by_touch() {
    let folder = tempfile::tempdir().unwrap();
    let path = left_behind(&folder, "192.0.2.1", "192.0.2.2").await;
    let log = sidecar(&path, "-wal");
    let touch = || {
        let touched = Command::new("touch").arg(&log).status().unwrap();
        assert!(touched.success());
    };
    // As a killed process leaves it: last changed when it was written.
    touch();
    until(async || {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        changed(&path) > changed(&log)
    })
    .await;

    let error = SqliteStore::open(config(&path)).await.unwrap_err();

    let text = error.chain().to_string();
    assert!(text.contains("its mode or owner was changed"), "{text}");
    assert!(
        text.contains(&format!("run `touch {}`", log.display())),
        "{text}"
    );
    touch();
    assert_eq!(host(&open(&path).await).await.as_deref(), Some("192.0.2.2"));
}

/// When anything about a file changed last.
fn changed(path: &Path) -> (i64, i64) {
    let file = fs::metadata(path).unwrap();
    (file.ctime(), file.ctime_nsec())
}

#[tokio::test]
async fn log_that_is_in_the_database_already_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.db");
    write_database(&live, "192.0.2.1").await;
    let store = open(&live).await;
    let records: Vec<_> = (0..500)
        .map(|n| record(&format!("session-{n:03}"), "192.0.2.2"))
        .collect();
    store
        .import(&records, &TOKEN, OnConflict::Skip, NOW)
        .await
        .unwrap();
    let mut other = raw(&live).await;
    execute(&mut other, "PRAGMA wal_checkpoint(PASSIVE)").await;
    // The log first, so that it is older than the database.
    let path = folder.path().join("left.db");
    fs::copy(sidecar(&live, "-wal"), sidecar(&path, "-wal")).unwrap();
    until(async || {
        fs::copy(&live, &path).unwrap();
        changed(&path) > changed(&sidecar(&path, "-wal"))
    })
    .await;

    let store = open(&path).await;
    let last = store.lookup(&"session-499".parse().unwrap()).await;
    assert!(last.unwrap().is_some());
}
