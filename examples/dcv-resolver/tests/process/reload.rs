//! SIGHUP: what it changes, and that it disturbs no request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::client::{Client, ask, ask_with};
use crate::support::{Folder, QUIET, Serving, print, wait_until};

const CONSOLE: &str = "POST /resolveSession?sessionId=console";

const FILE: &str = "[[stores]]\nname = \"desktops\"\nurl = \"file:sessions.toml\"\n";

fn folder(config: &str) -> Folder {
    let folder = Folder::new(config);
    folder.write(
        "sessions.toml",
        "[sessions.console]\nhost = \"ws-1.dcv.example\"\nhttp_port = 8443\n",
    );
    folder
}

const MEMORY: &str = "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n";

/// Reloads and waits until that is counted.
fn reload(serving: &Serving, result: &str) {
    serving.change("config", result, || serving.signal("HUP"));
}

#[test]
fn reload_applies_the_file() {
    let folder = folder(FILE);
    let serving = folder.serve();
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    folder.write(
        "resolver.toml",
        &format!("callers.allowed_networks = [\"192.0.2.0/24\"]\nlog.level = \"warn\"\n{FILE}"),
    );
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 403);
    folder.write("resolver.toml", FILE);
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    serving.stop();
}

#[test]
fn reload_changes_the_log_level() {
    let folder = folder(FILE);
    let serving = folder.serve();
    for (level, status) in [("error", 200), ("info", 200)] {
        folder.write("resolver.toml", &format!("log.level = \"{level}\"\n{FILE}"));
        reload(&serving, "ok");
        let line = format!("{CONSOLE}&x={level}");
        let answer = ask(serving.address, &line);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let log = serving.stop().stderr;
    let found = log.matches("\"outcome\":\"found\"").count();
    assert_eq!(found, 1, "{log}");
}

#[test]
fn reload_adds_and_removes_stores() {
    let folder = folder(FILE);
    let serving = folder.serve();
    serving.wait_until_ready();
    folder.write(
        "resolver.toml",
        "[[stores]]\nname = \"first\"\nurl = \"memory:\"\n[[stores]]\nname = \"second\"\nurl = \"file:sessions.toml\"\n",
    );
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    let ready = ask(serving.ops(), "GET /readyz");
    assert_eq!(ready.status, 200, "{ready:?}");
    let names: Vec<_> = ready.json()["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|store| store["store"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["first", "second"]);
    let metrics = ask(serving.ops(), "GET /metrics").body;
    for (line, shown) in [
        ("dcv_resolver_store_up{store=\"second\"}", true),
        (
            "dcv_resolver_served_data_age_seconds{store=\"second\"}",
            true,
        ),
        ("dcv_resolver_store_up{store=\"desktops\"}", false),
        (
            "dcv_resolver_served_data_age_seconds{store=\"desktops\"}",
            false,
        ),
    ] {
        assert_eq!(metrics.contains(line), shown, "{line} in {metrics}");
    }
    serving.stop();
}

#[test]
fn reload_keeps_the_sessions_of_a_memory_store() {
    const TOKEN: &str = "0123456789-writer-tr0ub4dor-0123456789";
    let admin = "[admin]\ntokens_file = \"tokens\"\n";
    let folder = folder(&format!("{MEMORY}{admin}"));
    folder.write("tokens", &format!("writer read-write {TOKEN}\n"));
    let serving = folder.serve();
    let headers = format!("authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n");
    let registered = ask_with(
        serving.ops(),
        "PUT /v1/sessions/console",
        &headers,
        r#"{"host": "ws-1.dcv.example", "http_port": 8443, "expires_at_ms": null}"#,
    );
    assert_eq!(registered.status, 200, "{registered:?}");
    folder.write(
        "resolver.toml",
        &format!("{MEMORY}time_budget_ms = 300\n{admin}"),
    );
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    // Without [admin] its paths are gone.
    folder.write("resolver.toml", MEMORY);
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    assert_eq!(ask(serving.ops(), "GET /v1/sessions").status, 404);
    serving.stop();
}

#[test]
fn reload_names_keys_that_need_a_restart_and_applies_the_rest() {
    let folder = folder(FILE);
    let serving = folder.serve();
    folder.write(
        "resolver.toml",
        &format!(
            "listen = \"127.0.0.1:1\"\nlimits.max_connections = 7\nlimits.idle_timeout_ms = 700\nshutdown.grace_ms = 7\n\
             log.format = \"text\"\ncallers.allowed_networks = [\"192.0.2.0/24\"]\n{FILE}"
        ),
    );
    reload(&serving, "ok");
    assert_eq!(ask(serving.address, CONSOLE).status, 403);
    let log = serving.stop().stderr;
    // --listen stands above the file, so that `listen` has not changed.
    let keys = "\"keys\":\"limits.max_connections, limits.idle_timeout_ms, shutdown.grace_ms, log.format\"";
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("need a restart"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains(keys), "{log}");
}

#[test]
fn reload_of_an_invalid_file_changes_nothing_and_reports_every_error() {
    let folder = folder(FILE);
    let serving = folder.serve();
    serving.wait_until_ready();
    let mistakes = [
        (
            format!("lisen = 1\n[limits]\nmax_in_flight = 0\n{FILE}"),
            &["unknown key", "`limits.max_in_flight` is 0"][..],
        ),
        (
            "[[stores]]\nname = \"other\"\nurl = \"file:no-such.toml\"\n".to_owned(),
            &["no-such.toml"],
        ),
        (
            format!("{MEMORY}[admin]\ntokens_file = \"no-such-tokens\"\n"),
            &["no-such-tokens"],
        ),
        (
            MEMORY.replace("memory:", "redis://:tr0ub4dor@a:b"),
            &["stores.url"],
        ),
    ];
    for (config, _) in &mistakes {
        folder.write("resolver.toml", config);
        reload(&serving, "failed");
        assert_eq!(ask(serving.address, CONSOLE).status, 200, "{config}");
        assert_eq!(ask(serving.ops(), "GET /readyz").status, 200, "{config}");
    }
    let log = serving.stop().stderr;
    let errors: Vec<_> = log
        .lines()
        .filter(|line| line.contains("\"ERROR\""))
        .collect();
    assert_eq!(errors.len(), mistakes.len(), "{log}");
    for (error, (_, reasons)) in errors.iter().zip(mistakes) {
        for reason in reasons {
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}

/// Gateways that ask without a pause, over connections that they keep.
struct Load {
    answered: AtomicU64,
    failed: AtomicU64,
    ended: AtomicBool,
}

impl Load {
    const CLIENTS: u64 = 4;

    /// Runs `work` under load; how many requests were answered with 200, and
    /// how many otherwise or not at all.
    fn on(serving: &Serving, work: impl FnOnce()) -> (u64, u64) {
        let load = Self {
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        let address = serving.address;
        thread::scope(|scope| {
            for _ in 0..Self::CLIENTS {
                scope.spawn(|| load.ask(address));
            }
            work();
            load.ended.store(true, Ordering::Relaxed);
        });
        (load.answered.into_inner(), load.failed.into_inner())
    }

    fn ask(&self, address: SocketAddr) {
        let mut client = Client::connect(address).unwrap();
        while !self.ended.load(Ordering::Relaxed) {
            match client.ask(CONSOLE) {
                Ok(answer) if answer.status == 200 && !answer.closes() => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                _ => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    client = Client::connect(address).unwrap();
                }
            }
        }
    }
}

/// Each differs from the one before: other stores, limits, policies.
fn configurations() -> [String; 4] {
    [
        FILE.to_owned(),
        format!("limits.max_in_flight = 100\n{FILE}time_budget_ms = 700\n"),
        "[[stores]]\nname = \"m\"\nurl = \"memory:\"\n[[stores]]\nname = \"f\"\nurl = \"file:sessions.toml\"\n".to_owned(),
        format!("callers.allowed_networks = [\"127.0.0.1\"]\npolicy.client_networks = {{ unknown_client = \"allow\" }}\n{FILE}"),
    ]
}

#[test]
fn no_request_fails_during_reloads() {
    let folder = folder(FILE);
    let serving = Serving::spawn({
        let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--log-level", QUIET]);
        command
    });
    let (answered, failed) = Load::on(&serving, || {
        for config in configurations().iter().cycle().take(40) {
            folder.write("resolver.toml", config);
            reload(&serving, "ok");
        }
    });
    assert_eq!(failed, 0, "of {answered}");
    assert!(answered > 0);
    let finished = serving.stop();
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
}

#[test]
fn process_stays_ready_during_1_000_reloads() {
    let folder = folder(FILE);
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.args(["--log-level", QUIET]);
    let serving = Serving::spawn(command);
    serving.wait_until_ready();
    let ended = AtomicBool::new(false);
    let (looks, unready) = thread::scope(|scope| {
        let operators = serving.ops();
        let ended = &ended;
        let watching = scope.spawn(move || {
            let mut client = Client::connect(operators).unwrap();
            let (mut looks, mut unready) = (0, Vec::new());
            while !ended.load(Ordering::Relaxed) {
                looks += 1;
                let answer = client.ask("GET /readyz").unwrap();
                if answer.status != 200 {
                    unready.push(answer.body);
                }
            }
            (looks, unready)
        });
        let started = std::time::Instant::now();
        for (count, config) in (1..=1_000).zip(configurations().iter().cycle()) {
            folder.write("resolver.toml", config);
            serving.signal("HUP");
            wait_until("the reload is counted", || {
                serving.reloads("config", "ok") == count
            });
        }
        print(&format!("1,000 reloads in {:?}", started.elapsed()));
        ended.store(true, Ordering::Relaxed);
        watching.join().unwrap()
    });
    assert!(
        unready.is_empty(),
        "{} of {looks}: {unready:?}",
        unready.len()
    );
    assert_eq!(ask(serving.ops(), "GET /readyz").status, 200);
    assert_eq!(serving.reloads("config", "failed"), 0);
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    let finished = serving.stop();
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
}

/// A signal that arrives during a reload is not lost, and a hundred signals need
/// no hundred reloads.
#[test]
fn no_signal_is_lost_during_a_reload() {
    let folder = folder(FILE);
    let serving = folder.serve();
    for _ in 0..100 {
        serving.signal("HUP");
    }
    folder.write(
        "resolver.toml",
        &format!("callers.allowed_networks = [\"192.0.2.0/24\"]\n{FILE}"),
    );
    serving.signal("HUP");
    wait_until("the last one is answered", || {
        ask(serving.address, CONSOLE).status == 403
    });
    let count = serving.reloads("config", "ok");
    assert!((1..=101).contains(&count), "{count}");
    serving.stop();
}
