//! SIGTERM and SIGINT: no request is lost, and no shutdown lasts forever.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::client::{Client, ask};
use crate::support::{Folder, QUIET, Serving, print, wait_until};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const CONSOLE: &str = "POST /resolveSession?sessionId=console";

fn serve(drain_ms: u32) -> Serving {
    let drain_ms = drain_ms.to_string();
    Serving::start(&[
        "--store",
        SESSIONS,
        "--drain-ms",
        &drain_ms,
        "--log-level",
        QUIET,
    ])
}

/// Until a test cuts it short.
const FOREVER: u32 = 600_000;

#[test]
fn readiness_fails_before_the_listener_is_closed() {
    let serving = serve(FOREVER);
    serving.wait_until_ready();
    let mut kept = Client::connect(serving.address).unwrap();
    assert!(!kept.ask(CONSOLE).unwrap().closes());
    serving.signal("TERM");
    wait_until("it drains", || {
        ask(serving.ops(), "GET /readyz").json()["state"] == "draining"
    });
    assert_eq!(ask(serving.ops(), "GET /readyz").status, 503);
    assert_eq!(ask(serving.ops(), "GET /livez").status, 200);
    // The server drains as soon as readiness fails. New and connected clients are
    // answered, and sent elsewhere.
    wait_until("new clients are sent elsewhere", || {
        let answer = ask(serving.address, CONSOLE);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.closes()
    });
    let answer = kept.ask(CONSOLE).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.closes(), "{answer:?}");
    serving.signal("TERM");
    assert_eq!(serving.finish().exit_code, Some(0));
}

#[test]
fn second_signal_or_sigint_cuts_the_drain_short() {
    for signals in [&["TERM", "TERM"][..], &["TERM", "INT"], &["INT"]] {
        let serving = serve(FOREVER);
        serving.wait_until_ready();
        for (count, signal) in signals.iter().enumerate() {
            if count > 0 {
                wait_until("the first has begun the shutdown", || {
                    ask(serving.ops(), "GET /readyz").status == 503
                });
            }
            serving.signal(signal);
        }
        assert_eq!(serving.finish().exit_code, Some(0), "{signals:?}");
    }
}

#[test]
fn operators_are_answered_until_the_last_request_ends() {
    let store = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = store.local_addr().unwrap().port();
    let folder = Folder::new(&format!(
        "time_budget_ms = 60000\nshutdown.grace_ms = 60000\n[[stores]]\nname = \"slow\"\nurl = \"redis://:tr0ub4dor@127.0.0.1:{port}\"\n"
    ));
    let serving = folder.serve();
    let mut waiting = Client::connect(serving.address).unwrap();
    waiting.send(CONSOLE, "", "").unwrap();
    wait_until("it is in flight", || {
        serving.metric("dcv_resolver_in_flight_requests") == Some(1.0)
    });
    serving.signal("TERM");
    wait_until("the listener is closed", || {
        TcpStream::connect(serving.address).is_err()
    });
    assert_eq!(ask(serving.ops(), "GET /livez").status, 200);
    assert_eq!(serving.metric("dcv_resolver_in_flight_requests"), Some(1.0));
    // The request that waits for the store fails.
    drop(store);
    assert_eq!(waiting.read().unwrap().status, 503);
    assert_eq!(serving.finish().exit_code, Some(0));
}

/// What became of the requests of one run.
#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    lost: AtomicU64,
}

impl Tally {
    /// A gateway that keeps its connection until a response closes it.
    fn keeps_its_connection(&self, gateways: SocketAddr) {
        let mut client = Client::connect(gateways).unwrap();
        while self.count(client.ask(CONSOLE)) {}
    }

    /// A gateway that connects for each request, while the process is ready.
    fn connects_each_time(&self, gateways: SocketAddr, operators: SocketAddr) {
        loop {
            let answer = Client::connect(gateways).and_then(|mut client| client.ask(CONSOLE));
            self.count(answer);
            let ready = Client::connect(operators).and_then(|mut ops| ops.ask("GET /readyz"));
            if !ready.is_ok_and(|ready| ready.status == 200) {
                return;
            }
        }
    }

    /// Returns whether to continue.
    fn count(&self, answer: io::Result<crate::client::Answer>) -> bool {
        match answer {
            Ok(answer) if answer.status == 200 => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                !answer.closes()
            }
            _ => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                false
            }
        }
    }
}

/// `DCV_TEST_SIGTERMS` says how many; a few are enough for every day.
#[test]
fn no_request_is_lost_on_sigterm_under_load() {
    let runs = std::env::var("DCV_TEST_SIGTERMS").map_or(5, |runs| runs.parse().unwrap());
    let tally = Tally::default();
    let started = Instant::now();
    for run in 0..runs {
        // Long enough for a client that is descheduled.
        let serving = serve(2_000);
        serving.wait_until_ready();
        let (gateways, operators) = (serving.address, serving.ops());
        let before = tally.answered.load(Ordering::Relaxed);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| tally.keeps_its_connection(gateways));
                scope.spawn(|| tally.connects_each_time(gateways, operators));
            }
            wait_until("there is load", || {
                tally.answered.load(Ordering::Relaxed) > before + 100
            });
            serving.signal("TERM");
        });
        let finished = serving.finish();
        assert_eq!(
            finished.exit_code,
            Some(0),
            "run {run}: {}",
            finished.stderr
        );
        assert_eq!(tally.lost.load(Ordering::Relaxed), 0, "run {run}");
    }
    print(&format!(
        "{runs} times SIGTERM in {:?}: {} requests answered, {} lost",
        started.elapsed(),
        tally.answered.into_inner(),
        tally.lost.into_inner(),
    ));
}
