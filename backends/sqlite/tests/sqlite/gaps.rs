//! Changes are reported across a replaced database, and gaps are reported when
//! they cannot be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use dcv_resolver_core::{SessionRegistry, StoreErrorKind};
use dcv_resolver_sqlite::{MIGRATIONS, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use crate::log::{logged, record_log};
use crate::recorder::{Event, Recorder};
use crate::support::{
    NOW, PATIENCE, TOKEN, config, execute, lookup, ordinary_user, raw, record, sidecar, write_back,
    write_database,
};

struct Place {
    folder: TempDir,
    path: PathBuf,
    store: SqliteStore,
    recorder: Recorder,
}

impl Place {
    /// Creates a directory with a database of `console` on 192.0.2.1, and a store
    /// that is watched.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.db");
        write_database(&path, "192.0.2.1").await;
        let store = SqliteStore::open(config(&path)).await.unwrap();
        let recorder = Recorder::started(&store).await;
        Self {
            folder,
            path,
            store,
            recorder,
        }
    }

    /// Writes a database beside the live one, with `console` on `host`.
    async fn other(&self, host: &str) -> PathBuf {
        let path = self.folder.path().join("other.db");
        write_database(&path, host).await;
        path
    }

    async fn expect_disconnected(&mut self) {
        let events = self
            .recorder
            .until(|event| *event == Event::Disconnected)
            .await;
        assert_eq!(events, [Event::Disconnected]);
    }

    async fn expect_unsupported(&mut self) {
        let events = self
            .recorder
            .until(|event| *event == Event::Unsupported)
            .await;
        assert_eq!(events, [Event::Unsupported]);
    }

    /// Expects `AllChanged`, then `console` on `host`, then a single change.
    async fn expect_recovery(&mut self, host: &str) {
        let events = self
            .recorder
            .until(|event| *event == Event::AllChanged)
            .await;
        assert_eq!(events, [Event::AllChanged]);
        assert_eq!(lookup(&self.store).await.as_deref(), Ok(host));

        let one = record("one", "192.0.2.1");
        self.store.register(&one, &TOKEN, NOW).await.unwrap();
        let events = self.recorder.events().await;
        assert_eq!(events, [Event::Changed("one".to_owned())]);
    }
}

#[tokio::test]
async fn file_moved_over_is_reported_and_visible_from_then_on() {
    let mut place = Place::new().await;
    for round in 2..10 {
        let host = format!("192.0.2.{round}");
        let other = place.other(&host).await;
        // A lookup has just looked at the file, and would not do so again.
        lookup(&place.store).await.unwrap();
        fs::rename(&other, &place.path).unwrap();
        place.expect_recovery(&host).await;
    }
}

#[tokio::test]
async fn file_moved_over_is_reported_before_it_is_caught_up() {
    let mut place = Place::new().await;
    for round in 2..10 {
        let other = place.other(&format!("192.0.2.{round}")).await;
        fs::rename(&other, &place.path).unwrap();
        assert_eq!(place.recorder.events().await, [Event::AllChanged]);
    }
}

#[tokio::test]
async fn switched_symbolic_link_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, live, turned] =
        ["one.db", "two.db", "live.db", "turned.db"].map(|name| folder.path().join(name));
    write_database(&one, "192.0.2.1").await;
    write_database(&two, "192.0.2.2").await;
    symlink(&one, &live).unwrap();
    let store = SqliteStore::open(config(&live)).await.unwrap();
    let mut recorder = Recorder::started(&store).await;

    symlink(&two, &turned).unwrap();
    fs::rename(&turned, &live).unwrap();
    assert_eq!(recorder.events().await, [Event::AllChanged]);
    assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.2"));
}

#[tokio::test]
async fn deleted_file_is_disconnected_until_it_is_back() {
    let mut place = Place::new().await;
    fs::remove_file(&place.path).unwrap();
    place.expect_disconnected().await;
    assert_eq!(lookup(&place.store).await, Err(StoreErrorKind::Unavailable));
    let other = place.other("192.0.2.2").await;
    fs::rename(&other, &place.path).unwrap();
    place.expect_recovery("192.0.2.2").await;
}

#[tokio::test]
async fn file_that_is_not_a_database_is_disconnected_until_it_is_repaired() {
    let mut place = Place::new().await;
    let garbage = place.folder.path().join("garbage");
    for content in [&b"not a database, "[..], b""] {
        fs::write(&garbage, content.repeat(500)).unwrap();
        fs::rename(&garbage, &place.path).unwrap();
        place.expect_disconnected().await;
        let other = place.other("192.0.2.2").await;
        fs::rename(&other, &place.path).unwrap();
        place.expect_recovery("192.0.2.2").await;
    }
}

#[tokio::test]
async fn locked_database_is_disconnected_until_the_lock_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.db");
    write_database(&path, "192.0.2.1").await;
    let mut holder = raw(&path).await;
    // Without a log a writer locks readers out.
    execute(&mut holder, "PRAGMA journal_mode = DELETE").await;
    let config = SqliteConfig::new(&path).read_only(true);
    let store = SqliteStore::open(config.acquire_timeout(PATIENCE))
        .await
        .unwrap();
    let mut recorder = Recorder::started(&store).await;

    execute(
        &mut holder,
        "BEGIN EXCLUSIVE; UPDATE dcv_session SET host = '192.0.2.2'",
    )
    .await;
    let events = recorder.until(|event| *event == Event::Disconnected).await;
    assert_eq!(events, [Event::Disconnected]);
    execute(&mut holder, "COMMIT").await;
    assert_eq!(recorder.events().await, [Event::AllChanged]);
    assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.2"));

    execute(&mut holder, "UPDATE dcv_session SET host = '192.0.2.3'").await;
    let events = recorder.events().await;
    assert_eq!(events, [Event::Changed("console".to_owned())]);
}

#[tokio::test]
async fn tables_that_do_not_record_changes_are_unsupported_until_they_do() {
    let mut place = Place::new().await;
    let mut other = raw(&place.path).await;
    let triggers = MIGRATIONS[1];
    let delete = "CREATE TRIGGER dcv_session_change_delete";
    let begin = triggers.find(delete).unwrap();
    let end = begin + triggers[begin..].find("END;").unwrap() + "END;".len();
    for (damage, repair) in [
        (
            "DROP TRIGGER dcv_session_change_delete",
            &triggers[begin..end],
        ),
        (
            "ALTER TABLE dcv_session RENAME TO elsewhere",
            "ALTER TABLE elsewhere RENAME TO dcv_session",
        ),
        (
            "ALTER TABLE dcv_session_change RENAME TO elsewhere",
            "ALTER TABLE elsewhere RENAME TO dcv_session_change",
        ),
        (
            "BEGIN; CREATE TABLE newer (a); UPDATE dcv_session_schema SET version = 99; COMMIT",
            "UPDATE dcv_session_schema SET version = 3",
        ),
    ] {
        execute(&mut other, damage).await;
        place.expect_unsupported().await;
        execute(&mut other, repair).await;
        place.expect_recovery("192.0.2.1").await;
    }
}

#[tokio::test]
async fn unsupported_is_reported_again_for_another_file() {
    const DAMAGE: &str = "DROP TRIGGER dcv_session_change_delete";
    record_log();
    let mut place = Place::new().await;
    execute(&mut raw(&place.path).await, DAMAGE).await;
    place.expect_unsupported().await;
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.1"));
    // Repeated polls do not repeat the event, which would empty a cache.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let other = place.other("192.0.2.2").await;
    execute(&mut raw(&other).await, DAMAGE).await;
    write_back(&other).await;
    fs::rename(&other, &place.path).unwrap();
    place.expect_unsupported().await;
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.2"));
    let warnings = logged(&place.path, "does not record changes");
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(warnings[0].contains("WARN"), "{warnings:#?}");
    assert!(
        warnings[0].contains("the database has 4 of"),
        "{warnings:#?}"
    );

    // Neither the file nor its changes.
    let away = place.folder.path().join("away.db");
    fs::rename(&place.path, &away).unwrap();
    place.expect_disconnected().await;
    fs::rename(&away, &place.path).unwrap();
    place.expect_unsupported().await;
    assert_eq!(place.recorder.stop().await, []);
}

#[tokio::test]
async fn log_removed_while_in_use_is_disconnected_until_the_file_is_reopened() {
    let place = Place::new().await;
    drop(place.recorder);
    let mut other = raw(&place.path).await;
    execute(&mut other, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    drop(other);
    fs::remove_file(sidecar(&place.path, "-wal")).unwrap();

    let mut recorder = Recorder::watch(&place.store);
    let events = recorder.until(|event| *event == Event::AllChanged).await;
    assert_eq!(events, [Event::Disconnected, Event::AllChanged]);
    assert!(sidecar(&place.path, "-wal").exists());
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.1"));
}

#[tokio::test]
async fn lazy_store_is_disconnected_until_its_database_exists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.db");
    let store = SqliteStore::open_lazy(config(&path)).unwrap();
    let mut recorder = Recorder::watch(&store);
    let events = recorder.until(|event| *event == Event::Disconnected).await;
    assert_eq!(events, [Event::Disconnected]);
    assert!(!path.exists());

    let elsewhere = folder.path().join("elsewhere.db");
    write_database(&elsewhere, "192.0.2.1").await;
    fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(recorder.events().await, [Event::AllChanged]);
}

#[test]
fn directory_without_write_permission_is_disconnected_until_permitted() {
    ordinary_user(
        "gaps::directory_without_write_permission_is_disconnected_until_permitted",
        async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("live.db");
            write_database(&path, "192.0.2.1").await;
            let set_mode = |mode| {
                fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            };
            set_mode(0o555);
            // SQLite cannot create the index of the log, as on a disk that is
            // mounted read-only.
            let store = SqliteStore::open_lazy(config(&path).read_only(true)).unwrap();
            let mut recorder = Recorder::watch(&store);
            let events = recorder.until(|event| *event == Event::Disconnected).await;
            assert_eq!(events, [Event::Disconnected]);
            set_mode(0o755);
            assert_eq!(recorder.events().await, [Event::AllChanged]);
        },
    );
}

#[tokio::test]
async fn each_gap_is_logged_once_and_its_end_once() {
    record_log();
    let mut place = Place::new().await;
    let away = place.folder.path().join("away.db");
    for round in 1..3 {
        fs::rename(&place.path, &away).unwrap();
        place.expect_disconnected().await;
        // Hundreds of retries, which fail at once, as there is no file to open.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(60)).await;
        tokio::time::resume();
        fs::rename(&away, &place.path).unwrap();
        place.expect_recovery("192.0.2.1").await;

        let warnings = logged(&place.path, "cannot follow changes");
        assert_eq!(warnings.len(), round, "{warnings:#?}");
        assert!(warnings[0].contains("WARN"), "{warnings:#?}");
        assert!(
            warnings[0].contains("there is no database file"),
            "{warnings:#?}"
        );
        let back = logged(&place.path, "following changes");
        assert_eq!(back.len(), round, "{back:#?}");
        assert!(back[0].contains("INFO"), "{back:#?}");
    }
}
