//! Whether writing works is known before the first write fails.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dcv_resolver_core::{SessionRegistry, SessionStore, StoreErrorKind};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};

use crate::recorder::Recorder;
use crate::support::{PATIENCE, config, execute, host, ordinary_user, raw, write_database};

async fn refused(store: &SqliteStore, cause: &str) {
    store.ping().await.unwrap();
    let error = store.check_writable().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotWritable);
    let text = error.chain().to_string();
    assert!(text.contains(cause), "{text}");
}

#[tokio::test]
async fn check_of_a_sound_database_succeeds_and_reports_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    let mut recorder = Recorder::started(&store).await;
    let mut other = raw(&path).await;
    let version = "PRAGMA data_version";
    let before: i64 = sqlx::query_scalar(version)
        .fetch_one(&mut other)
        .await
        .unwrap();

    store.check_writable().await.unwrap();

    let after: i64 = sqlx::query_scalar(version)
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(recorder.events().await, []);
}

#[test]
fn file_of_another_user_is_not_writable() {
    ordinary_user(
        "writable::file_of_another_user_is_not_writable",
        async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sessions.db");
            write_database(&path, "192.0.2.1").await;
            let store = SqliteStore::open(config(&path)).await.unwrap();
            store.check_writable().await.unwrap();
            store.close().await;

            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
            let store = SqliteStore::open(config(&path)).await.unwrap();
            refused(&store, "is not writable: this process runs as user ").await;
            assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
        },
    );
}

#[tokio::test]
async fn lock_that_another_program_keeps_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let config = SqliteConfig::new(&path)
        .busy_timeout(Duration::from_millis(20))
        .acquire_timeout(PATIENCE);
    let store = SqliteStore::open(config).await.unwrap();
    let mut holder = raw(&path).await;
    execute(&mut holder, "BEGIN IMMEDIATE").await;
    let error = store.check_writable().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    execute(&mut holder, "ROLLBACK").await;
    store.check_writable().await.unwrap();
}

const DISK: &str = "DCV_TEST_DISK";

async fn on_a_small_disk(disk: &Path) {
    let path = disk.join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let store = SqliteStore::open(config(&path)).await.unwrap();
    store.check_writable().await.unwrap();
    fs::write(disk.join("full"), vec![0; 3 << 20]).unwrap();
    refused(&store, "bytes left").await;
    assert_eq!(host(&store).await.as_deref(), Some("192.0.2.1"));
    fs::remove_file(disk.join("full")).unwrap();
    store.check_writable().await.unwrap();
}

/// Runs itself with a file system of 6 MiB that only it sees.
#[tokio::test]
#[ignore = "needs user namespaces (unshare)"]
async fn full_disk_is_not_writable() {
    if let Some(disk) = std::env::var_os(DISK) {
        return on_a_small_disk(disk.as_ref()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=6m tmpfs \"$DCV_TEST_DISK\" && exec \"$0\" --exact writable::full_disk_is_not_writable --include-ignored --nocapture")
        .arg(std::env::current_exe().unwrap())
        .env(DISK, folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("1 passed"), "{text}");
}
