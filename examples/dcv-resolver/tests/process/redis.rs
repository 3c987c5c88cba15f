//! The binary over a Redis server with a password.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Finished, Serving, body, dcv_resolver};

const PASSWORD: &str = "tr0ub4dor-not-for-any-log";
const SESSIONS_JSON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.json");

pub(crate) struct Redis {
    process: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

impl Redis {
    pub(crate) fn start(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    pub(crate) fn start_with(port: u16, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--requirepass", PASSWORD, "--dir"])
            .arg(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    pub(crate) fn url(port: u16) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{port}")
    }

    /// How many lookups it has answered.
    pub(crate) fn lookups(&self) -> u64 {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "info", "commandstats"])
            .env("REDISCLI_AUTH", PASSWORD)
            .output();
        let statistics = String::from_utf8(output.unwrap().stdout).unwrap();
        let calls = statistics
            .split_once("cmdstat_get:calls=")
            .and_then(|(_, rest)| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        let output = dcv_resolver(arguments)
            .env("DCV_RESOLVER_STORE", Self::url(self.port))
            .output();
        Finished::from(output.unwrap())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Asks until the answer starts with `status`, for as long as a server may
/// take to start.
fn post_until(serving: &Serving, target: &str, status: &str) -> String {
    let started = Instant::now();
    loop {
        let answer = serving.post(target);
        if answer.starts_with(status) {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs redis-server"]
fn serves_once_redis_is_up_and_never_prints_the_password() {
    let port = free_port();
    let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"]);
    command.env("DCV_RESOLVER_STORE", Redis::url(port));
    let serving = Serving::spawn(command);
    let target = "/resolveSession?sessionId=console";
    assert!(serving.post(target).starts_with("HTTP/1.1 503 "));

    let redis = Redis::start(port);
    post_until(&serving, target, "HTTP/1.1 404 ");
    let imported = redis.run(&["import", SESSIONS_JSON]);
    assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
    let answer = serving.post(target);
    assert!(body(&answer).contains("ws-17.dcv.example"), "{answer}");
    let listed = redis.run(&["list"]);
    assert_eq!(listed.stdout.lines().count(), 3, "{}", listed.stdout);

    drop(redis);
    post_until(&serving, target, "HTTP/1.1 503 ");
    let log = serving.stop().stderr;
    for text in [
        log,
        imported.stdout,
        imported.stderr,
        listed.stdout,
        listed.stderr,
    ] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn wrong_password_is_reported_without_the_password() {
    let redis = Redis::start(free_port());
    let url = format!("redis://:{PASSWORD}-mistyped@127.0.0.1:{}", redis.port);
    let started = Instant::now();
    loop {
        let output = dcv_resolver(&["list", "--store", &url]).output();
        let finished = Finished::from(output.unwrap());
        assert_eq!(finished.exit_code, Some(2));
        assert!(!finished.stderr.contains(PASSWORD), "{}", finished.stderr);
        if finished.stderr.contains("denies access") {
            break;
        }
        // Redis is still starting.
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{}",
            finished.stderr
        );
    }
}
