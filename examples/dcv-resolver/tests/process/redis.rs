//! The binary over a Redis server with a password.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dcv_resolver_test_support::port::free_port;
use tempfile::TempDir;

use crate::client::ask;
use crate::support::{Finished, Folder, Serving, body, dcv_resolver, wait_until};

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
        let statistics = self.cli(&["info", "commandstats"]);
        let calls = statistics
            .split_once("cmdstat_get:calls=")
            .and_then(|(_, rest)| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }

    /// Runs `redis-cli`, and returns what it prints.
    fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .env("REDISCLI_AUTH", PASSWORD)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Waits until it answers.
    fn wait(&self) {
        wait_until("Redis answers", || self.cli(&["ping"]).contains("PONG"));
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

#[test]
#[ignore = "needs redis-server"]
fn evicting_redis_is_warned_of() {
    let limits = ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"];
    let redis = Redis::start_with(free_port(), &limits);
    let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("DCV_RESOLVER_STORE", Redis::url(redis.port));
    redis.wait();
    let serving = Serving::spawn(command);
    wait_until("the warning is shown", || {
        ask(serving.ops(), "GET /readyz")
            .body
            .contains("volatile-lru")
    });
    let warnings = serving.metric("dcv_resolver_store_warnings{store=\"redis\"}");
    assert_eq!(warnings, Some(1.0));
    assert_eq!(ask(serving.ops(), "GET /readyz").status, 200);
    let log = serving.stop().stderr;
    assert_eq!(log.matches("volatile-lru").count(), 1, "{log}");
    for arguments in [&["import", SESSIONS_JSON][..], &["check"]] {
        let finished = redis.run(arguments);
        assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("warning: Redis at"),
            "{}",
            finished.stderr
        );
    }
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"redis://127.0.0.1:{}\"\n[stores.redis]\npassword_file = \"password\"\n",
        redis.port
    ));
    folder.write("password", &format!("{PASSWORD}\n"));
    let checked = folder.run("check");
    assert_eq!(checked.exit_code, Some(0), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("warn  store agents: Redis at"),
        "{}",
        checked.stdout
    );
}

#[test]
#[ignore = "needs redis-server"]
fn redis_that_may_not_be_asked_for_warnings_is_warned_of_with_the_cause() {
    let redis = Redis::start(free_port());
    redis.wait();
    redis.cli(&["acl", "setuser", "default", "-info"]);
    let imported = redis.run(&["import", SESSIONS_JSON]);
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{}\"\n",
        Redis::url(redis.port)
    ));
    let checked = folder.run("check");
    for (finished, shown) in [(&imported, &imported.stderr), (&checked, &checked.stdout)] {
        assert_eq!(finished.exit_code, Some(0), "{shown}");
        assert!(shown.contains("is likely to lose sessions: "), "{shown}");
        assert!(shown.contains("the 'info' command"), "{shown}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn token_is_not_printed_where_scripts_are_refused() {
    let refused = [
        "--rename-command",
        "EVALSHA",
        "",
        "--rename-command",
        "EVAL",
        "",
    ];
    let redis = Redis::start_with(free_port(), &refused);
    redis.wait();
    let token = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa";
    let register = [
        "register",
        "s1",
        "--host",
        "192.0.2.7",
        "--http-port",
        "8443",
    ];
    let finished = redis.run(&[&register[..], &["--ttl-s", "60", "--token", token]].concat());
    assert_eq!(finished.exit_code, Some(2));
    assert!(
        finished.stderr.contains("unknown command 'EVALSHA'"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains(token), "{}", finished.stderr);
}

#[test]
#[ignore = "needs redis-server"]
fn cluster_that_goes_down_is_a_few_lines_and_none_of_the_driver() {
    let redis = Redis::start_with(free_port(), &["--cluster-enabled", "yes"]);
    redis.wait();
    redis.cli(&["cluster", "addslotsrange", "0", "16383"]);
    let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"]);
    let url = Redis::url(redis.port).replace("redis://", "redis+cluster://");
    command.env("DCV_RESOLVER_STORE", url);
    let serving = Serving::spawn(command);
    serving.wait_until_ready();
    drop(redis);
    let target = "/resolveSession?sessionId=console";
    for _ in 0..20 {
        post_until(&serving, target, "HTTP/1.1 503 ");
    }
    let log = serving.stop().stderr;
    // The path of a file of the driver, on the machine that has built it.
    assert!(
        !log.contains("\"redis::") && !log.contains("/registry/"),
        "{log}"
    );
    let lost = log
        .lines()
        .filter(|line| line.contains("cannot use Redis") && line.contains("WARN"));
    assert_eq!(lost.count(), 1, "{log}");
}

#[test]
fn contradictory_settings_of_redis_are_named() {
    let folder = Folder::new(
        r#"
[[stores]]
name = "a"
url = "redis://127.0.0.1:1"
[stores.redis]
ca_file = "ca.pem"
key_file = "key.pem"
sentinel_username = "ann"
[[stores]]
name = "b"
url = "memory:"
[stores.redis]
protocol = "resp2"
"#,
    );
    let checked = folder.run("check");
    assert_eq!(checked.exit_code, Some(1));
    for expected in [
        "`ca_file` needs TLS; use a URL with rediss://",
        "`key_file` needs `certificate_file`",
        "`sentinel_username` needs sentinels",
        "store \"b\" is not a redis: store; remove `redis`",
    ] {
        assert!(checked.stderr.contains(expected), "{}", checked.stderr);
    }
}
