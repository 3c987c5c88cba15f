//! Changes are told while the database is replaced, and it is said when they
//! cannot be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use dcv_resolver_core::{SessionRegistry, StoreErrorKind};
use dcv_resolver_sqlite::{MIGRATIONS, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use crate::log::{logged, record_log};
use crate::recorder::{Recorder, Told};
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
    /// A folder with a database of `console` on 192.0.2.1, and a store that
    /// tells of its changes.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.db");
        write_database(&path, "192.0.2.1").await;
        let store = SqliteStore::open(config(&path)).await.unwrap();
        let recorder = Recorder::begun(&store).await;
        Self {
            folder,
            path,
            store,
            recorder,
        }
    }

    /// A database beside the live one, with `console` on `host`.
    async fn other(&self, host: &str) -> PathBuf {
        let path = self.folder.path().join("other.db");
        write_database(&path, host).await;
        path
    }

    async fn is_lost(&mut self) {
        let told = self.recorder.until(|call| *call == Told::Lost).await;
        assert_eq!(told, [Told::Lost]);
    }

    async fn is_untold(&mut self) {
        let told = self.recorder.until(|call| *call == Told::Untold).await;
        assert_eq!(told, [Told::Untold]);
    }

    /// All changed is told, and then `console` is on `host`, and changes are
    /// told one by one.
    async fn is_back(&mut self, host: &str) {
        let told = self.recorder.until(|call| *call == Told::All).await;
        assert_eq!(told, [Told::All]);
        assert_eq!(lookup(&self.store).await.as_deref(), Ok(host));

        let one = record("one", "192.0.2.1");
        self.store.register(&one, &TOKEN, NOW).await.unwrap();
        let told = self.recorder.told().await;
        assert_eq!(told, [Told::Changed("one".to_owned())]);
    }
}

#[tokio::test]
async fn a_file_moved_over_is_told_and_visible_from_then_on() {
    let mut place = Place::new().await;
    for round in 2..10 {
        let host = format!("192.0.2.{round}");
        let other = place.other(&host).await;
        // A lookup has just looked at the file, and would not do so again.
        lookup(&place.store).await.unwrap();
        fs::rename(&other, &place.path).unwrap();
        place.is_back(&host).await;
    }
}

#[tokio::test]
async fn a_file_moved_over_is_told_before_the_move_is_confirmed() {
    let mut place = Place::new().await;
    for round in 2..10 {
        let other = place.other(&format!("192.0.2.{round}")).await;
        fs::rename(&other, &place.path).unwrap();
        assert_eq!(place.recorder.told().await, [Told::All]);
    }
}

#[tokio::test]
async fn a_symbolic_link_that_turns_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, live, turned] =
        ["one.db", "two.db", "live.db", "turned.db"].map(|name| folder.path().join(name));
    write_database(&one, "192.0.2.1").await;
    write_database(&two, "192.0.2.2").await;
    symlink(&one, &live).unwrap();
    let store = SqliteStore::open(config(&live)).await.unwrap();
    let mut recorder = Recorder::begun(&store).await;

    symlink(&two, &turned).unwrap();
    fs::rename(&turned, &live).unwrap();
    assert_eq!(recorder.told().await, [Told::All]);
    assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.2"));
}

#[tokio::test]
async fn a_deleted_file_is_lost_until_it_is_there_again() {
    let mut place = Place::new().await;
    fs::remove_file(&place.path).unwrap();
    place.is_lost().await;
    assert_eq!(lookup(&place.store).await, Err(StoreErrorKind::Unavailable));
    let other = place.other("192.0.2.2").await;
    fs::rename(&other, &place.path).unwrap();
    place.is_back("192.0.2.2").await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_lost_until_it_is_mended() {
    let mut place = Place::new().await;
    let garbage = place.folder.path().join("garbage");
    for content in [&b"not a database, "[..], b""] {
        fs::write(&garbage, content.repeat(500)).unwrap();
        fs::rename(&garbage, &place.path).unwrap();
        place.is_lost().await;
        let other = place.other("192.0.2.2").await;
        fs::rename(&other, &place.path).unwrap();
        place.is_back("192.0.2.2").await;
    }
}

#[tokio::test]
async fn a_locked_database_is_lost_until_the_lock_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.db");
    write_database(&path, "192.0.2.1").await;
    let mut holder = raw(&path).await;
    // Without a log a writer shuts readers out.
    execute(&mut holder, "PRAGMA journal_mode = DELETE").await;
    let config = SqliteConfig::new(&path).read_only(true);
    let store = SqliteStore::open(config.acquire_timeout(PATIENCE))
        .await
        .unwrap();
    let mut recorder = Recorder::begun(&store).await;

    execute(
        &mut holder,
        "BEGIN EXCLUSIVE; UPDATE dcv_session SET host = '192.0.2.2'",
    )
    .await;
    let told = recorder.until(|call| *call == Told::Lost).await;
    assert_eq!(told, [Told::Lost]);
    execute(&mut holder, "COMMIT").await;
    assert_eq!(recorder.told().await, [Told::All]);
    assert_eq!(lookup(&store).await.as_deref(), Ok("192.0.2.2"));

    execute(&mut holder, "UPDATE dcv_session SET host = '192.0.2.3'").await;
    let told = recorder.told().await;
    assert_eq!(told, [Told::Changed("console".to_owned())]);
}

#[tokio::test]
async fn of_tables_that_do_not_note_changes_they_go_untold_until_they_do() {
    let mut place = Place::new().await;
    let mut other = raw(&place.path).await;
    let triggers = MIGRATIONS[1];
    let delete = "CREATE TRIGGER dcv_session_change_delete";
    let begin = triggers.find(delete).unwrap();
    let end = begin + triggers[begin..].find("END;").unwrap() + "END;".len();
    for (harm, mend) in [
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
            "UPDATE dcv_session_schema SET version = 2",
        ),
    ] {
        execute(&mut other, harm).await;
        place.is_untold().await;
        execute(&mut other, mend).await;
        place.is_back("192.0.2.1").await;
    }
}

#[tokio::test]
async fn that_changes_go_untold_is_said_anew_of_another_file() {
    const HARM: &str = "DROP TRIGGER dcv_session_change_delete";
    record_log();
    let mut place = Place::new().await;
    execute(&mut raw(&place.path).await, HARM).await;
    place.is_untold().await;
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.1"));
    // What is kept from then on is not ended by every question.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let other = place.other("192.0.2.2").await;
    execute(&mut raw(&other).await, HARM).await;
    write_back(&other).await;
    fs::rename(&other, &place.path).unwrap();
    place.is_untold().await;
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.2"));
    let said = logged(&place.path, "does not note changes");
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].contains("WARN"), "{said:#?}");
    assert!(said[0].contains("the database has 4 of"), "{said:#?}");

    // Neither file nor changes.
    let away = place.folder.path().join("away.db");
    fs::rename(&place.path, &away).unwrap();
    place.is_lost().await;
    fs::rename(&away, &place.path).unwrap();
    place.is_untold().await;
    assert_eq!(place.recorder.dropped().await, []);
}

#[tokio::test]
async fn a_log_removed_while_in_use_is_no_log_to_begin_with() {
    let place = Place::new().await;
    drop(place.recorder);
    let mut other = raw(&place.path).await;
    execute(&mut other, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    drop(other);
    fs::remove_file(sidecar(&place.path, "-wal")).unwrap();

    let mut recorder = Recorder::of(&place.store);
    let told = recorder.until(|call| *call == Told::All).await;
    assert_eq!(told, [Told::Lost, Told::All]);
    assert!(sidecar(&place.path, "-wal").exists());
    assert_eq!(lookup(&place.store).await.as_deref(), Ok("192.0.2.1"));
}

#[tokio::test]
async fn a_store_before_its_database_is_lost_until_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.db");
    let store = SqliteStore::open_lazy(config(&path)).unwrap();
    let mut recorder = Recorder::of(&store);
    let told = recorder.until(|call| *call == Told::Lost).await;
    assert_eq!(told, [Told::Lost]);
    assert!(!path.exists());

    let elsewhere = folder.path().join("elsewhere.db");
    write_database(&elsewhere, "192.0.2.1").await;
    fs::rename(&elsewhere, &path).unwrap();
    assert_eq!(recorder.told().await, [Told::All]);
}

#[test]
fn a_folder_without_leave_to_write_is_lost_until_there_is_leave() {
    ordinary_user(
        "lost::a_folder_without_leave_to_write_is_lost_until_there_is_leave",
        async || {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("live.db");
            write_database(&path, "192.0.2.1").await;
            let allow = |mode| {
                fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            };
            allow(0o555);
            // SQLite cannot make the log's index, as on a disk that is mounted
            // for reading only.
            let store = SqliteStore::open_lazy(config(&path).read_only(true)).unwrap();
            let mut recorder = Recorder::of(&store);
            let told = recorder.until(|call| *call == Told::Lost).await;
            assert_eq!(told, [Told::Lost]);
            allow(0o755);
            assert_eq!(recorder.told().await, [Told::All]);
        },
    );
}

#[tokio::test]
async fn it_is_logged_once_that_it_is_lost_and_once_that_it_is_back() {
    record_log();
    let mut place = Place::new().await;
    let away = place.folder.path().join("away.db");
    for round in 1..3 {
        fs::rename(&place.path, &away).unwrap();
        place.is_lost().await;
        // Hundreds of tries, which end at once, as there is no file to open.
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(60)).await;
        tokio::time::resume();
        fs::rename(&away, &place.path).unwrap();
        place.is_back("192.0.2.1").await;

        let lost = logged(&place.path, "cannot be followed");
        assert_eq!(lost.len(), round, "{lost:#?}");
        assert!(lost[0].contains("WARN"), "{lost:#?}");
        assert!(lost[0].contains("there is no database file"), "{lost:#?}");
        let back = logged(&place.path, "are followed again");
        assert_eq!(back.len(), round, "{back:#?}");
        assert!(back[0].contains("INFO"), "{back:#?}");
    }
}
