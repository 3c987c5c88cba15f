//! `serve` as a process: answers, logs and signals.

use std::net::TcpListener;

use crate::support::{Folder, Serving, body, dcv_resolver, decisions, in_shell, run};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const JSON_SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.json");
const README: &str = include_str!("../../../../README.md");

/// The line after the curl command of the README is what the command prints.
#[test]
fn answer_in_the_readme_is_correct() {
    let mut lines = README
        .lines()
        .skip_while(|line| !line.starts_with("$ curl "));
    let command = lines.next().unwrap();
    let promised = lines.next().unwrap();
    let target = command
        .split("127.0.0.1:9000")
        .nth(1)
        .unwrap()
        .trim_end_matches('\'');
    for store in [SESSIONS, JSON_SESSIONS] {
        let serving = Serving::start(&["--store", store]);
        assert_eq!(body(&serving.post(target)), promised, "{store}");
    }
}

#[test]
fn sigterm_and_sigint_exit_with_code_0() {
    for signal in ["TERM", "INT"] {
        let serving = Serving::start(&["--store", SESSIONS]);
        serving.signal(signal);
        let finished = serving.finish();
        assert_eq!(finished.exit_code, Some(0), "{signal}");
        assert!(finished.stderr.contains("stopped"), "{}", finished.stderr);
    }
}

#[test]
fn limit_on_open_files_below_the_connections_is_a_warning() {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--store", SESSIONS];
    for (limit, warnings) in [(1_000, 1), (9_000, 0)] {
        let script = format!("ulimit -n {limit} && exec \"$@\"");
        let log = Serving::spawn(in_shell(&script, &serve)).stop().stderr;
        let lines = log
            .lines()
            .filter(|line| line.contains("the limit on open files"));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), warnings, "{log}");
        for line in lines {
            for part in [
                "\"limit\":1000,",
                "\"required\":8448,",
                "`limits.max_connections` = 4096",
            ] {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
    }
}

#[test]
fn port_in_use_is_reported_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let finished = run(&["serve", "--store", SESSIONS, "--listen", &address]);
    assert_eq!(finished.exit_code, Some(2));
    assert_eq!(
        finished.stderr,
        format!(
            "dcv-resolver: cannot listen on {address}: Address already in use (os error 98); stop the program that uses it, or choose another --listen\n"
        )
    );
}

#[test]
fn decision_is_one_json_event_with_every_field() {
    let serving = Serving::start(&["--store", SESSIONS]);
    serving.post("/resolveSession?sessionId=console&transport=QUIC&clientIpAddress=198.51.100.7");
    serving.post("/resolveSession?sessionId=i-0abc&transport=QUIC");
    let log = serving.stop().stderr;
    let [found, not_found] = &decisions(&log)[..] else {
        panic!("expected two events: {log}");
    };
    for (field, expected) in [
        ("level", "INFO"),
        ("session_id", "console"),
        ("transport", "QUIC"),
        ("client_ip", "198.51.100.7"),
        ("outcome", "found"),
        ("destination", "ws-17.dcv.example:8443"),
        ("store", SESSIONS),
    ] {
        assert_eq!(found[field], expected, "{field} of {found}");
    }
    assert!(
        found["elapsed_us"].is_u64() && found["request_id"].is_string(),
        "{found}"
    );
    for (field, expected) in [
        ("level", "WARN"),
        ("outcome", "not_found"),
        ("reason", "transport_not_offered"),
    ] {
        assert_eq!(not_found[field], expected, "{field} of {not_found}");
    }
}

#[test]
fn log_level_of_the_flag_overrides_rust_log() {
    let request = "/resolveSession?sessionId=console";
    for (flag, environment, events) in [
        (None, None, 1),
        (None, Some("off,dcv_resolver=info"), 1),
        (Some("info"), Some("error"), 1),
        (Some("info,dcv_resolver::decision=error"), None, 0),
    ] {
        let mut command = dcv_resolver(&["serve", "--listen", "127.0.0.1:0", "--store", SESSIONS]);
        if let Some(level) = flag {
            command.args(["--log-level", level]);
        }
        if let Some(level) = environment {
            command.env("RUST_LOG", level);
        }
        let serving = Serving::spawn(command);
        serving.post(request);
        let log = serving.stop().stderr;
        assert_eq!(
            decisions(&log).len(),
            events,
            "{flag:?} {environment:?}: {log}"
        );
    }
}

#[test]
fn invalid_log_level_is_reported_in_one_line() {
    let finished = run(&["serve", "--store", SESSIONS, "--log-level", "loud"]);
    assert_eq!(finished.exit_code, Some(2));
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("'loud' for '--log-level <LEVEL>': expected a level (error, warn"),
        "{}",
        finished.stderr
    );
}

/// Ids that try to forge a line, a field or a colour.
fn hostile_ids() -> Vec<String> {
    let mut ids: Vec<String> = (0_u8..0x20)
        .chain([0x7f])
        .map(|control| format!("id%{control:02x}forged"))
        .collect();
    ids.extend(
        [
            "%1b%5b31mred",
            "%c2%9b31mred",
            "%c2%85next",
            "%e2%80%aeoverride",
            "%e2%81%a6isolate",
            "%e2%80%a8line",
            "%e2%80%a9paragraph",
            "%ef%bb%bfbom",
            "%22%2c%22outcome%22%3a%22found",
            "a%20outcome%3dfound",
            "%5cn%5cu001b",
            "%7b%22level%22%3a%22ERROR%22%7d",
            "%25s%25n",
            "%ff",
            "%zz",
            "",
            "%F0%9F%98%80",
        ]
        .map(str::to_owned),
    );
    ids
}

#[test]
fn hostile_id_is_one_event_without_a_control_character() {
    let ids = hostile_ids();
    assert!(ids.len() >= 50);
    for format in ["json", "text"] {
        // Malformed requests repeat.
        let serving = Folder::new(&format!(
            "log.dedup_window_ms = 0\nlog.format = \"{format}\"\n[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n"
        ))
        .serve();
        for id in &ids {
            serving.post(&format!("/resolveSession?sessionId={id}&transport=HTTP"));
        }
        let log = serving.stop().stderr;
        let events = log
            .lines()
            .filter(|line| line.contains("dcv_resolver::decision"))
            .count();
        assert_eq!(events, ids.len(), "{format}: {log}");
        if format == "json" {
            assert_eq!(decisions(&log).len(), ids.len());
        }
        let raw = |c: char| {
            (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{2028}\u{2029}\u{feff}".contains(c)
        };
        assert_eq!(log.find(raw), None, "{format}: {log:?}");
    }
}
