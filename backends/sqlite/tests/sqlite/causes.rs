//! Errors of opening a database name the cause.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dcv_resolver_core::StoreErrorKind;
use dcv_resolver_sqlite::SqliteStore;

use crate::support::{config, execute, ordinary_user, raw, sidecar, write_database};

async fn why(path: &Path, create: bool) -> String {
    let config = config(path)
        .busy_timeout(std::time::Duration::from_millis(20))
        .create_if_missing(create);
    let error = SqliteStore::open(config).await.unwrap_err();
    error.chain().to_string()
}

#[tokio::test]
async fn missing_folder_file_as_folder_and_folder_as_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("folder")).unwrap();
    for create in [false, true] {
        let text = why(&at("missing/sessions.db"), create).await;
        let cause = format!("there is no folder {}; create it", at("missing").display());
        assert!(text.contains(&cause), "{text}");
        let text = why(&at("file/sessions.db"), create).await;
        let cause = format!("{} is not a folder", at("file").display());
        assert!(text.contains(&cause), "{text}");
        let text = why(&at("folder"), create).await;
        assert!(text.contains("it is a folder; name a file in it"), "{text}");
    }
}

#[tokio::test]
async fn file_of_another_kind_and_database_of_another_program_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text"), "[sessions]\n".repeat(500)).unwrap();
    let text = why(&at("text"), false).await;
    assert!(text.contains("it is not an SQLite database"), "{text}");
    execute(
        &mut raw(&at("other.db")).await,
        "CREATE TABLE user (name TEXT)",
    )
    .await;
    let text = why(&at("other.db"), false).await;
    assert!(text.contains("belongs to another program"), "{text}");
}

#[tokio::test]
async fn lock_of_another_program_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    write_database(&path, "192.0.2.1").await;
    let mut holder = raw(&path).await;
    execute(&mut holder, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").await;
    let text = why(&path, false).await;
    assert!(
        text.contains("another program has locked it; `fuser "),
        "{text}"
    );
}

#[test]
fn missing_permission_names_file_and_users() {
    ordinary_user(
        "causes::missing_permission_names_file_and_users",
        async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("sessions.db");
            let chmod = |path: &Path, mode| {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            };
            chmod(folder.path(), 0o555);
            let text = why(&path, true).await;
            assert!(
                text.contains("is not writable: this process runs as user "),
                "{text}"
            );

            chmod(folder.path(), 0o755);
            write_database(&path, "192.0.2.1").await;
            chmod(folder.path(), 0o555);
            let text = why(&path, false).await;
            assert!(
                text.contains("where SQLite keeps the files -wal and -shm"),
                "{text}"
            );

            chmod(folder.path(), 0o755);
            fs::write(sidecar(&path, "-wal"), "").unwrap();
            chmod(&sidecar(&path, "-wal"), 0o000);
            let text = why(&path, false).await;
            assert!(text.contains("-wal is not writable"), "{text}");

            chmod(&path, 0o000);
            let text = why(&path, false).await;
            assert!(
                text.contains("it is not readable: this process runs as user "),
                "{text}"
            );

            chmod(folder.path(), 0o000);
            let error = SqliteStore::open(config(&path)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            let text = error.chain().to_string();
            assert!(text.contains("cannot reach the database file"), "{text}");
            chmod(folder.path(), 0o755);
        },
    );
}
