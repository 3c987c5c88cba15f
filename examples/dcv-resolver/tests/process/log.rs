//! The lines of the log, as a collector reads them.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::thread;

use serde_json::json;

use crate::client::{Client, ask, ask_with};
use crate::support::{Folder, Serving, activated, decisions};

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
            "span": {
                "name": "resolve", "trace_id": "0af7651916cd43dd8448eb211c80319c",
                "parent_span_id": "b7ad6b7169203331", "sampled": true, "request_id": "gw-\"7\"\\",
            },
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
        "  INFO resolve{trace_id=\"0af7651916cd43dd8448eb211c80319c\"",
        " outcome=\"found\" session_id=\"console\" transport=\"QUIC\" client_ip=198.51.100.7 destination=ws-17.dcv.example:8443 store=\"desktops\" status=200 elapsed_us=",
        " caller=127.0.0.1 request_id=\"gw-\\\"7\\\"\\\\\"",
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
fn log_that_cannot_be_written_ends_no_request() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (reader, closed) = io::pipe().unwrap();
    drop(reader);
    for (name, log) in [("full", Stdio::from(full)), ("closed", Stdio::from(closed))] {
        // The log cannot say where it listens, so the sockets are passed to it.
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (gateways, operators) = (socket(), socket());
        let address = gateways.local_addr().unwrap();
        let mut command = activated("resolver:ops", &["serve", "--store", SESSIONS]);
        command.stdin(OwnedFd::from(gateways));
        command.stdout(OwnedFd::from(operators)).stderr(log);
        let serving = Serving::spawn_unread(command, address);
        for _ in 0..100 {
            let answer = ask(address, "POST /resolveSession?sessionId=console");
            assert_eq!(answer.status, 200, "{name}");
        }
        assert_eq!(serving.stop().exit_code, Some(0), "{name}");
    }
}
