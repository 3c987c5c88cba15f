//! Spans, as a collector receives them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use dcv_resolver_test_support::port::free_port;

use crate::client::DEADLINE;
use crate::client::ask_with;
use crate::support::{Folder, Serving};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN_ID: &str = "b7ad6b7169203331";

/// Takes OTLP over HTTP, and passes on what it gets: request line and body.
fn collector() -> (u16, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            while let Some(request) = take(&mut stream) {
                if sender.send(request).is_err() {
                    return;
                }
            }
        }
    });
    (port, receiver)
}

/// One request, answered.
fn take(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
    stream.get_mut().write_all(answer).ok()?;
    Some((line, body))
}

fn serve(port: u16) -> Serving {
    let config = format!(
        "telemetry.otlp_endpoint = \"http://127.0.0.1:{port}\"\n[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n"
    );
    Folder::new(&config).serve()
}

fn ask(serving: &Serving, sampled: &str) -> u16 {
    let parent = format!("traceparent: 00-{TRACE_ID}-{SPAN_ID}-{sampled}\r\n");
    let line = "POST /resolveSession?sessionId=console";
    ask_with(serving.address, line, &parent, "").status
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn span_continues_the_trace_of_the_caller() {
    let (port, received) = collector();
    let serving = serve(port);
    assert_eq!(ask(&serving, "01"), 200);
    // What waits for its batch is sent at the end.
    assert_eq!(serving.stop().exit_code, Some(0));
    let (line, body) = received.recv_timeout(DEADLINE).unwrap();
    assert_eq!(line, "POST /v1/traces HTTP/1.1\r\n");
    // Field 1 of a span in protobuf is its trace, 4 its parent: each is a tag,
    // a length, and the bytes.
    let trace = [&[0x0a, 16][..], &bytes(TRACE_ID)].concat();
    assert!(contains(&body, &trace), "{body:?}");
    let parent = [&[0x22, 8][..], &bytes(SPAN_ID)].concat();
    assert!(contains(&body, &parent), "{body:?}");
    for text in ["resolve", "dcv-resolver", "ws-17.dcv.example"] {
        assert!(contains(&body, text.as_bytes()), "{text}");
    }
}

#[test]
fn span_is_not_exported_if_the_caller_does_not_sample() {
    let (port, received) = collector();
    let serving = serve(port);
    assert_eq!(ask(&serving, "00"), 200);
    serving.stop();
    assert!(received.try_recv().is_err());
}

#[test]
fn unreachable_collector_is_logged_once_and_fails_no_request() {
    // A closed port, and a collector that never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = (silent.local_addr().unwrap().port(), silent);
    for (port, times) in [(free_port(), 1..=1), (silent.0, 0..=1)] {
        let serving = serve(port);
        for _ in 0..100 {
            assert_eq!(ask(&serving, "01"), 200);
        }
        let finished = serving.stop();
        assert_eq!(finished.exit_code, Some(0));
        let logged = finished.stderr.matches("cannot export traces").count();
        assert!(times.contains(&logged), "{}", finished.stderr);
    }
}
