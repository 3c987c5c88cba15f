//! The lines of the log, as a collector reads them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::thread;

use serde_json::{Value, json};

use crate::client::{Client, ask, ask_with};
use crate::support::{Folder, Serving, decisions, wait_until};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const FILE: &str = concat!(
    "[[stores]]\nname = \"desktops\"\nurl = \"file:",
    env!("CARGO_MANIFEST_DIR"),
    "/../sessions.toml\"\n",
);
const CONSOLE: &str =
    "POST /resolveSession?sessionId=console&transport=QUIC&clientIpAddress=198.51.100.7";
const TRACED: &str = "x-request-id: gw-\"7\"\\\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";

#[test]
fn decision_is_a_line_of_json_with_exactly_these_members() {
    let serving = Folder::new(FILE).serve();
    ask_with(serving.address, CONSOLE, TRACED, "");
    let log = serving.stop().stderr;
    let [decision] = &mut decisions(&log)[..] else {
        panic!("expected one decision: {log}");
    };
    let timestamp = decision["timestamp"].take();
    let timestamp = timestamp.as_str().unwrap();
    let digits_are_zeros = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let shape: String = timestamp.chars().map(digits_are_zeros).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{timestamp}");
    assert!(decision["elapsed_us"].take().is_u64(), "{log}");
    assert_eq!(
        *decision,
        json!({
            "timestamp": null, "level": "INFO", "target": "dcv_resolver::decision",
            "outcome": "found", "session_id": "console", "transport": "QUIC",
            "client_ip": "198.51.100.7", "destination": "ws-17.dcv.example:8443",
            "store": "desktops", "status": 200, "elapsed_us": null, "caller": "127.0.0.1",
            "request_id": "gw-\"7\"\\", "trace_id": "0af7651916cd43dd8448eb211c80319c",
        })
    );
}

#[test]
fn decision_is_a_line_of_text_if_configured() {
    let serving = Folder::new(&format!("log.format = \"text\"\n{FILE}")).serve();
    ask_with(serving.address, CONSOLE, TRACED, "");
    let log = serving.stop().stderr;
    let mut lines = log
        .lines()
        .filter(|line| line.contains(" dcv_resolver::decision: "));
    let line = lines.next().unwrap();
    for part in [
        "  INFO dcv_resolver::decision: outcome=",
        " outcome=\"found\" session_id=\"console\" transport=\"QUIC\" client_ip=\"198.51.100.7\" destination=\"ws-17.dcv.example:8443\" store=\"desktops\" status=200 elapsed_us=",
        " caller=\"127.0.0.1\" request_id=\"gw-\\\"7\\\"\\\\\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn lines_of_concurrent_requests_are_whole() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 50;
    let serving = Serving::start(&["--store", "memory:"]);
    let address = serving.address;
    thread::scope(|threads| {
        for client in 0..CLIENTS {
            threads.spawn(move || {
                let mut connection = Client::connect(address).unwrap();
                for request in 0..REQUESTS {
                    let id = format!("{client}-{request}-{}", "x".repeat(client * 30));
                    let line = format!("POST /resolveSession?sessionId={id}");
                    assert_eq!(connection.ask(&line).unwrap().status, 404);
                }
            });
        }
    });
    let log = serving.stop().stderr;
    assert_eq!(decisions(&log).len(), CLIENTS * REQUESTS, "{log}");
}

#[test]
fn first_line_names_the_version() {
    let (read, log) = io::pipe().unwrap();
    let serving = Serving::log_to(log, &["--store", SESSIONS]);
    let mut lines = BufReader::new(read).lines().map(|line| line.unwrap());
    let line = lines.find(|line| line.contains("listening")).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));
}

const DROPPED: &str = "dcv_resolver_log_lines_dropped_total";

#[test]
fn log_that_cannot_be_written_ends_no_request_and_is_counted() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, closed) = io::pipe().unwrap();
    drop(reader);
    for (name, log) in [("full", Stdio::from(full)), ("closed", Stdio::from(closed))] {
        let serving = Serving::log_to(log, &["--store", SESSIONS]);
        for _ in 0..100 {
            let answer = ask(serving.address, "POST /resolveSession?sessionId=console");
            assert_eq!(answer.status, 200, "{name}");
        }
        wait_until("each line is counted", || {
            serving
                .metric(DROPPED)
                .is_some_and(|dropped| dropped > 100.0)
        });
        serving.signal("TERM");
        assert_eq!(serving.exit_code(), Some(0), "{name}");
    }
}

/// Sends requests until a line of the log is dropped.
fn fill(serving: &Serving) {
    // Long lines fill it sooner.
    let line = format!("POST /resolveSession?sessionId={}", "x".repeat(128));
    let header = format!("x-request-id: {}\r\n", "r".repeat(128));
    let mut client = Client::connect(serving.address).unwrap();
    wait_until("a line is dropped", || {
        for _ in 0..1000 {
            client.send(&line, &header, "").unwrap();
            assert_eq!(client.read().unwrap().status, 404);
        }
        serving.metric(DROPPED) > Some(0.0)
    });
}

#[test]
fn stalled_reader_of_the_log_delays_neither_requests_nor_the_end() {
    let (_unread, log) = io::pipe().unwrap();
    let serving = Serving::log_to(log, &["--store", SESSIONS]);
    fill(&serving);
    assert_eq!(ask(serving.ops(), "GET /livez").status, 200);
    serving.signal("HUP");
    wait_until("the configuration is reloaded", || {
        serving.reloads("config", "ok") == 1
    });
    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));
}

#[test]
fn log_that_is_read_again_names_the_number_of_dropped_lines() {
    let (unread, log) = io::pipe().unwrap();
    let serving = Serving::log_to(log, &["--store", SESSIONS]);
    fill(&serving);
    let dropped = serving.metric(DROPPED).unwrap();

    let mut lines = BufReader::new(unread).lines().map(|line| line.unwrap());
    let report = lines.find(|line| line.contains("lines of the log were dropped"));
    let report: Value = serde_json::from_str(&report.unwrap()).unwrap();
    assert_eq!(report["level"], "ERROR");
    assert_eq!(report["dropped"], dropped);

    let ask_twice = || (0..2).for_each(|_| drop(ask(serving.address, CONSOLE)));
    ask_twice();
    let found = lines.by_ref().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(decisions(&found).len(), 2);
    assert_eq!(serving.metric(DROPPED), Some(dropped));
    drop(lines);
    ask_twice();
    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));
}

#[test]
fn failed_start_ends_even_if_its_message_cannot_be_written() {
    let (_unread, mut log) = UnixStream::pair().unwrap();
    log.set_nonblocking(true).unwrap();
    while log.write(&[b'\n'; 4096]).is_ok() {}
    log.set_nonblocking(false).unwrap();
    let serving = Serving::log_to(OwnedFd::from(log), &["--config", "/nonexistent"]);
    assert_eq!(serving.exit_code(), Some(2));
}

/// Node.js and others make the descriptors that they share non-blocking.
#[test]
fn non_blocking_log_gets_every_line() {
    let (read, log) = UnixStream::pair().unwrap();
    log.set_nonblocking(true).unwrap();
    let serving = Serving::log_to(OwnedFd::from(log), &["--store", SESSIONS]);
    let mut client = Client::connect(serving.address).unwrap();
    // More than the socket can hold.
    for _ in 0..1000 {
        client.send(CONSOLE, TRACED, "").unwrap();
        assert_eq!(client.read().unwrap().status, 200);
    }
    assert_eq!(serving.metric(DROPPED), Some(0.0));
    let lines = BufReader::new(read).lines().map(|line| line.unwrap());
    let decisions = lines.filter(|line| line.contains("dcv_resolver::decision"));
    assert_eq!(decisions.take(1000).count(), 1000);
}
