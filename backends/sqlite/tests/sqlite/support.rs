//! Fixtures of several tests.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dcv_resolver_core::{
    Expiry, LeaseToken, SessionRecord, SessionRegistry, SessionStore, StoreError, StoreErrorKind,
    Timestamp,
};
use dcv_resolver_sqlite::{SqliteConfig, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Configures the database at `path` for a test that is not about time limits.
pub(crate) fn config(path: &Path) -> SqliteConfig {
    SqliteConfig::new(path)
        .busy_timeout(PATIENCE)
        .acquire_timeout(PATIENCE)
}

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_893_456_000_000);

pub(crate) const TOKEN: LeaseToken = LeaseToken::from_bytes(*b"tr0ub4dor-token!");

pub(crate) fn record(id: &str, host: &str) -> SessionRecord {
    SessionRecord::builder(id.parse().unwrap(), host.parse().unwrap(), Expiry::Never)
        .http_port(8443)
        .build()
        .unwrap()
}

/// Writes a new database to `path` with the session `console` on `host`, closed
/// and without sidecars.
pub(crate) async fn write_database(path: &Path, host: &str) {
    {
        let store = SqliteStore::open(config(path).create_if_missing(true))
            .await
            .unwrap();
        store
            .register(&record("console", host), &TOKEN, NOW)
            .await
            .unwrap();
    }
    write_back(path).await;
}

/// Writes the log back and removes it.
///
/// The connections of a store close on threads of their own; the last one writes
/// the log back, unless several close at once.
pub(crate) async fn write_back(path: &Path) {
    until(async || {
        let mut last = raw(path).await;
        let tables = sqlx::query("SELECT count(*) FROM sqlite_schema");
        tables.execute(&mut last).await.unwrap();
        last.close().await.unwrap();
        !sidecar(path, "-wal").exists()
    })
    .await;
}

/// Opens a connection beside those of the store.
pub(crate) async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .disable_statement_logging()
        .connect()
        .await
        .unwrap()
}

pub(crate) async fn execute(connection: &mut SqliteConnection, sql: &str) {
    raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

pub(crate) fn sidecar(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Returns the host of `console` from a lookup that must not fail.
pub(crate) async fn host(store: &SqliteStore) -> Option<String> {
    let record = store.lookup(&"console".parse().unwrap()).await.unwrap();
    record.map(|record| record.host().to_string())
}

/// Looks up `console`, which must not be absent: returns its host or the kind of
/// the error.
pub(crate) async fn lookup(store: &SqliteStore) -> Result<String, StoreErrorKind> {
    let answer: Result<_, StoreError> = store.lookup(&"console".parse().unwrap()).await;
    match answer {
        Ok(Some(record)) => Ok(record.host().to_string()),
        Ok(None) => panic!("an outage was reported as an unknown session"),
        Err(error) => Err(error.kind()),
    }
}

/// Waits until `condition` holds and returns how long it took.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition().await {
        assert!(
            start.elapsed() < PATIENCE,
            "the condition did not hold in time"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// Runs `body` as a user who is subject to file permissions. As root, it runs
/// `test`, the calling test, in a process of another user.
pub(crate) fn ordinary_user(test: &str, body: impl AsyncFnOnce()) {
    const UNPRIVILEGED_ID: u32 = 65_534;

    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(body());
        return;
    }
    // A copy, as only root may have access to the build directory.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .current_dir("/")
        .uid(UNPRIVILEGED_ID)
        .gid(UNPRIVILEGED_ID)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("1 passed"), "{text}");
}
