//! SQLite databases: what commands leave behind, backups, older versions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};
use tempfile::TempDir;

use crate::client::ask;
use crate::support::{Finished, Folder, Serving, run};

/// A folder with databases.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command with the store `name`.
    fn run(&self, arguments: &[&str], name: &str) -> Finished {
        let store = format!("sqlite:{}", self.path(name).display());
        run(&[arguments, &["--store", &store]].concat())
    }

    /// Writes a session file.
    fn session_file(&self, name: &str, ids: &[&str]) -> String {
        let sessions = ids
            .iter()
            .map(|id| format!("[sessions.{id}]\nhost = \"192.0.2.1\"\nhttp_port = 8443\n"));
        let path = self.path(name);
        fs::write(&path, sessions.collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Replaces the sessions of the database `name` by `ids`.
    fn import(&self, ids: &[&str], name: &str) {
        let file = self.session_file("import.toml", ids);
        let imported = self.run(&["import", "--replace", &file], name);
        assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
    }

    /// Returns the ids that `list` shows.
    fn ids(&self, name: &str) -> String {
        let listed = self.run(&["list"], name);
        assert_eq!(listed.exit_code, Some(0), "{}", listed.stderr);
        let lines = listed.stdout.lines().skip(1);
        let ids: Vec<_> = lines.filter_map(|line| line.split(' ').next()).collect();
        ids.join(" ")
    }

    fn serve(&self, name: &str) -> Serving {
        let store = format!("sqlite:{}", self.path(name).display());
        Serving::start(&["--store", &store])
    }

    /// Returns whether the file alone holds every session.
    fn is_complete(&self, name: &str) -> bool {
        let log = self.path(&format!("{name}-wal"));
        fs::metadata(log).map_or(true, |log| log.len() == 0)
    }
}

async fn sql(path: &Path, statements: &str) {
    let mut database: SqliteConnection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
}

const FIRST_VERSION: &str = include_str!("../../../../backends/sqlite/migrations/0001_session.sql");

#[test]
fn every_command_leaves_one_file_with_every_session() {
    let place = Place::new();
    let file = place.session_file("a.toml", &["a", "b"]);
    let token = "000102030405060708090a0b0c0d0e0f";
    let register = |id| ["register", id, "--host", "192.0.2.1", "--http-port", "1"];
    for (arguments, exit_code) in [
        (vec!["import", &file], 0),
        // Refused: of another lease.
        (vec!["import", &file], 1),
        (
            [&register("c")[..], &["--never-expires", "--token", token]].concat(),
            0,
        ),
        ([&register("a")[..], &["--never-expires"]].concat(), 1),
        (vec!["renew", "c", "--token", token, "--ttl-s", "60"], 0),
        (vec!["renew", "a", "--token", token, "--ttl-s", "60"], 1),
        (vec!["deregister", "a", "--token", token], 1),
        (vec!["deregister", "c", "--token", token], 0),
        (vec!["sweep"], 0),
        (vec!["list"], 0),
        (vec!["resolve", "c"], 1),
        (vec!["explain", "c"], 1),
        (vec!["check"], 0),
        (vec!["migrate"], 0),
    ] {
        let finished = place.run(&arguments, "a.db");
        assert_eq!(
            finished.exit_code,
            Some(exit_code),
            "{arguments:?}: {}",
            finished.stderr
        );
        assert!(place.is_complete("a.db"), "{arguments:?}");
    }
    let serving = place.serve("a.db");
    place.import(&["z"], "a.db");
    serving.stop();
    assert!(!place.path("a.db-wal").exists());
    fs::copy(place.path("a.db"), place.path("copy.db")).unwrap();
    assert_eq!(place.ids("copy.db"), "a b z");
    let mode = fs::metadata(place.path("a.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn serve_that_cannot_listen_leaves_one_file_with_every_session() {
    let place = Place::new();
    place.import(&["a"], "a.db");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let finished = place.run(&["serve", "--listen", &address], "a.db");
    assert_eq!(finished.exit_code, Some(2));
    assert!(!place.path("a.db-wal").exists());
}

/// What happens to a database with `old`, of which there is a backup, while its
/// resolver runs and `new` is added.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Kill,
    Stop,
    Backup,
    Restore,
    /// Copies the backup over the database.
    Copy,
}

#[test]
fn database_that_is_killed_copied_and_restored_in_any_order_is_one_of_both() {
    use Step::{Backup, Copy, Kill, Restore, Stop};

    for (steps, expected) in [
        (&[Kill][..], "new old"),
        (&[Stop], "new old"),
        (&[Kill, Restore], "old"),
        (&[Stop, Restore], "old"),
        (&[Restore, Kill], "old"),
        (&[Restore, Stop], "old"),
        (&[Stop, Copy], "old"),
        (&[Kill, Copy], "refused"),
        (&[Kill, Copy, Restore], "refused"),
        (&[Kill, Backup], "new old"),
        (&[Backup, Kill, Restore], "new old"),
        (&[Backup, Restore, Kill], "new old"),
        (&[Backup, Stop, Copy], "new old"),
        (&[Kill, Restore, Copy], "old"),
        (&[Kill, Backup, Restore], "new old"),
    ] {
        let place = Place::new();
        place.import(&["old"], "a.db");
        let backup = place.path("backup.db");
        let backup = backup.to_str().unwrap();
        assert_eq!(place.run(&["backup", backup], "a.db").exit_code, Some(0));
        let mut serving = Some(place.serve("a.db"));
        add_to_log(&place);
        for step in steps {
            match step {
                Kill => {
                    let serving = serving.take().unwrap();
                    serving.signal("KILL");
                    serving.finish();
                }
                Stop => {
                    serving.take().unwrap().stop();
                }
                Backup => {
                    fs::remove_file(backup).unwrap();
                    let finished = place.run(&["backup", backup], "a.db");
                    assert_eq!(
                        finished.exit_code,
                        Some(0),
                        "{steps:?}: {}",
                        finished.stderr
                    );
                }
                Restore => {
                    let finished = place.run(&["restore", backup], "a.db");
                    let expected = if expected == "refused" { 2 } else { 0 };
                    assert_eq!(
                        finished.exit_code,
                        Some(expected),
                        "{steps:?}: {}",
                        finished.stderr
                    );
                }
                Copy => drop(fs::copy(backup, place.path("a.db")).unwrap()),
            }
        }
        if expected == "refused" {
            let log = place.path("a.db-wal");
            for command in [&["list"][..], &["check"], &["resolve", "old"], &["sweep"]] {
                let finished = place.run(command, "a.db");
                assert_eq!(finished.exit_code, Some(2), "{steps:?} {command:?}");
                assert!(
                    finished.stderr.contains("move the log away"),
                    "{}",
                    finished.stderr
                );
            }
            fs::rename(log, place.path("kept")).unwrap();
            assert_eq!(place.ids("a.db"), "old", "{steps:?}");
        } else {
            assert_eq!(place.ids("a.db"), expected, "{steps:?}");
        }
    }
}

#[test]
fn backup_to_a_file_that_exists_is_refused_with_the_way_out() {
    let place = Place::new();
    place.import(&["a"], "a.db");
    let kept = place.path("kept");
    fs::write(&kept, "kept").unwrap();
    let kept = kept.to_str().unwrap();
    let finished = place.run(&["backup", kept], "a.db");
    assert_eq!(finished.exit_code, Some(2));
    let expected = format!(
        "dcv-resolver: {kept} already exists, and a backup never overwrites a file: choose another name\n"
    );
    assert_eq!(finished.stderr, expected);
    assert_eq!(fs::read_to_string(kept).unwrap(), "kept");
}

/// Adds `new` while `serve` has the database open, so that it is in the log only.
fn add_to_log(place: &Place) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(sql(
        &place.path("a.db"),
        "INSERT INTO dcv_session (id, host, http_port) VALUES ('new', '192.0.2.1', 8443)",
    ));
    assert!(!place.is_complete("a.db"));
}

#[tokio::test]
async fn commands_that_read_change_no_byte_of_an_older_database() {
    let place = Place::new();
    let file = place.session_file("a.toml", &["a"]);
    sql(
        &place.path("a.db"),
        &format!("{FIRST_VERSION}; INSERT INTO dcv_session (id, host, http_port) VALUES ('a', '192.0.2.1', 8443)"),
    )
    .await;
    let before = fs::read(place.path("a.db")).unwrap();
    let backup = place.path("backup.db");
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"a\"\nurl = \"sqlite:{}\"\nmigrate = false\n",
        place.path("a.db").display()
    ));
    for arguments in [
        &["check"][..],
        &["list"],
        &["resolve", "a"],
        &["explain", "a"],
        &["import", "--dry-run", &file],
        &["backup", backup.to_str().unwrap()],
    ] {
        let finished = place.run(arguments, "a.db");
        assert_eq!(
            finished.exit_code,
            Some(0),
            "{arguments:?}: {}",
            finished.stderr
        );
    }
    let checked = folder.run("check").stdout;
    assert!(
        checked.contains("writing needs 3; migrate the database"),
        "{checked}"
    );
    let serving = folder.serve();
    let answer = ask(serving.address, "POST /resolveSession?sessionId=a");
    assert_eq!(answer.status, 200);
    serving.stop();
    // What `serve` would migrate is no failure, also if it is to be written.
    folder.write(
        "tokens",
        "agents read-write 0123456789-agents-tr0ub4dor-0123456789\n",
    );
    folder.write(
        "resolver.toml",
        &format!(
            "[[stores]]\nname = \"a\"\nurl = \"sqlite:{}\"\n[admin]\ntokens_file = \"tokens\"\n",
            place.path("a.db").display()
        ),
    );
    let checked = folder.run("check");
    assert_eq!(checked.exit_code, Some(0), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("serve will migrate it to 3"),
        "{}",
        checked.stdout
    );
    assert_eq!(fs::read(place.path("a.db")).unwrap(), before);

    let migrated = place.run(&["migrate"], "a.db");
    assert!(
        migrated.stderr.contains("migrated to schema version 3"),
        "{}",
        migrated.stderr
    );
    let again = place.run(&["migrate"], "a.db");
    assert!(
        again
            .stdout
            .contains("the schema version is 3, which is current"),
        "{}",
        again.stdout
    );
}

#[test]
fn migrate_creates_a_database_only_if_asked_to() {
    let place = Place::new();
    let refused = place.run(&["migrate"], "a.db");
    assert_eq!(refused.exit_code, Some(2));
    assert!(!place.path("a.db").exists());
    let created = place.run(&["migrate", "--create"], "a.db");
    assert_eq!(created.exit_code, Some(0), "{}", created.stderr);
    assert_eq!(place.ids("a.db"), "");
    place.import(&["a"], "a.db");
    let again = place.run(&["migrate", "--create"], "a.db");
    assert_eq!(again.exit_code, Some(0), "{}", again.stderr);
    assert_eq!(place.ids("a.db"), "a");
}

#[tokio::test]
async fn serve_and_writing_commands_migrate_and_report_it() {
    let place = Place::new();
    for name in ["serve.db", "sweep.db"] {
        sql(&place.path(name), FIRST_VERSION).await;
    }
    let swept = place.run(&["sweep"], "sweep.db");
    assert!(
        swept.stderr.contains("migrated to schema version 3"),
        "{}",
        swept.stderr
    );
    let finished = place.serve("serve.db").stop();
    assert_eq!(finished.exit_code, Some(0));
    let current = place.run(&["migrate"], "serve.db");
    assert!(current.stdout.contains("is current"), "{}", current.stdout);
}

#[tokio::test]
async fn list_and_check_show_the_others_beside_a_bad_record_and_name_it() {
    let place = Place::new();
    place.import(&["a", "b"], "a.db");
    sql(
        &place.path("a.db"),
        "PRAGMA ignore_check_constraints = ON; UPDATE dcv_session SET http_port = 70000 WHERE id = 'a'",
    )
    .await;
    for command in ["list", "check"] {
        let finished = place.run(&[command], "a.db");
        assert_eq!(finished.exit_code, Some(1));
        assert!(finished.stdout.contains("\nb "), "{}", finished.stdout);
        assert!(
            finished.stderr.contains("1 of 2 sessions cannot be read"),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.contains("\"a\": column http_port"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn listed_sessions_can_be_imported() {
    let place = Place::new();
    let register = [
        "register",
        "ann",
        "--host",
        "ws.example",
        "--quic-port",
        "8443",
        "--target-id",
        "console",
        "--owner",
        "ann",
        "--label",
        "team=cad",
        "--expires-at",
        "2099-01-01T00:00:00Z",
        "--state",
        "CREATING",
    ];
    assert_eq!(place.run(&register, "a.db").exit_code, Some(0));
    let listed = place.run(&["list", "--json"], "a.db").stdout;
    let exported = place.path("sessions.json");
    fs::write(&exported, &listed).unwrap();

    let imported = place.run(&["import", exported.to_str().unwrap()], "b.db");

    assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
    assert_eq!(place.run(&["list", "--json"], "b.db").stdout, listed);
    fs::write(&exported, "[\n{\"id\": \"a\", \"host\": \"ws.example\"}]").unwrap();
    let refused = place.run(&["import", exported.to_str().unwrap()], "b.db");
    assert_eq!(refused.exit_code, Some(1));
    assert!(
        refused.stderr.contains("sessions.json:2:"),
        "{}",
        refused.stderr
    );
}

#[test]
fn restore_of_a_file_that_is_no_database_changes_nothing() {
    let place = Place::new();
    place.import(&["a"], "a.db");
    let file = place.session_file("text.toml", &["b"]);
    let refused = place.run(&["restore", &file], "a.db");
    assert_eq!(refused.exit_code, Some(2));
    assert!(
        refused.stderr.contains("it is not an SQLite database"),
        "{}",
        refused.stderr
    );
    assert_eq!(place.ids("a.db"), "a");
    for command in [&["backup", "x.db"][..], &["migrate"]] {
        let refused = run(&[command, &["--store", "memory:"]].concat());
        assert_eq!(refused.exit_code, Some(2));
        assert!(
            refused.stderr.contains("needs a sqlite: store"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn check_names_a_database_that_cannot_be_written_or_that_all_may_read() {
    const UNPRIVILEGED_ID: u32 = 65_534;

    let place = Place::new();
    place.import(&["a"], "a.db");
    let config = format!(
        "[[stores]]\nname = \"a\"\nurl = \"sqlite:{}\"\n",
        place.path("a.db").display()
    );
    let folder = Folder::new(&config);
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    assert!(!folder.run("check").stdout.contains("warn"));
    chmod(&place.path("a.db"), 0o444);
    chmod(place.0.path(), 0o777);
    chmod(&folder.path("."), 0o755);
    let checked = folder.run("check");
    assert!(
        checked
            .stdout
            .contains("warn  store a: every user of this machine may read "),
        "{}",
        checked.stdout
    );

    // Root may write any file.
    let program = place.path("program");
    fs::copy(env!("CARGO_BIN_EXE_dcv-resolver"), &program).unwrap();
    let check = || {
        let mut command = Command::new(&program);
        command.args(["check", "--config"]);
        command.arg(folder.path("resolver.toml")).current_dir("/");
        if is_root() {
            command.uid(UNPRIVILEGED_ID).gid(UNPRIVILEGED_ID);
        }
        Finished::from(command.output().unwrap())
    };
    let cause = "it is not writable: this process runs as user ";
    let checked = check();
    assert_eq!(checked.exit_code, Some(0), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("warn  store a: "),
        "{}",
        checked.stdout
    );
    assert!(checked.stdout.contains(cause), "{}", checked.stdout);

    folder.write(
        "resolver.toml",
        &format!("{config}[admin]\ntokens_file = \"tokens\"\n"),
    );
    folder.write(
        "tokens",
        "agents read-write tr0ub4dor-of-32-characters-or-more\n",
    );
    for file in ["resolver.toml", "tokens"] {
        chmod(&folder.path(file), 0o644);
    }
    let checked = check();
    assert_eq!(checked.exit_code, Some(1), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("FAIL  store a: "),
        "{}",
        checked.stdout
    );
    assert!(checked.stdout.contains(cause), "{}", checked.stdout);
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata("/proc/self").unwrap().uid() == 0
}
