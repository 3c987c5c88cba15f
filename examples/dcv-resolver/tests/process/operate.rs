//! What operators see, and which callers are refused.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use dcv_resolver_core::{Clock, SystemClock};
use serde_json::json;

use crate::client::{Client, ask, ask_with};
use crate::support::{Folder, Serving, decisions, wait_until};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const CONSOLE: &str = "POST /resolveSession?sessionId=console";
const READER: &str = "0123456789-reader-tr0ub4dor-0123456789";
const WRITER: &str = "0123456789-writer-tr0ub4dor-0123456789";

fn over_sessions(more: &str) -> Folder {
    Folder::new(&format!(
        "{more}\n[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n"
    ))
}

fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

#[test]
fn operators_see_liveness_readiness_metrics_and_explanations() {
    let folder = over_sessions("");
    let serving = folder.serve();
    assert_eq!(ask(serving.ops(), "GET /livez").body, "ok");
    serving.wait_until_ready();
    let ready = ask(serving.ops(), "GET /readyz").json();
    assert_eq!(ready["stores"][0]["store"], "desktops");
    assert_eq!(ready["stores"][0]["state"], "up");

    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    assert_eq!(
        ask(serving.address, "POST /resolveSession?sessionId=Console").status,
        404
    );
    let metrics = ask(serving.ops(), "GET /metrics").body;
    for sample in [
        "decisions_total{outcome=\"found\",reason=\"none\",transport=\"HTTP\",store=\"desktops\",policy=\"none\"} 1",
        "decisions_total{outcome=\"not_found\",reason=\"unknown\",transport=\"HTTP\",store=\"none\",policy=\"none\"} 1",
        "in_flight_requests 0",
        "ready 1",
        "store_up{store=\"desktops\"} 1",
        "connections_accepted_total{listener=\"gateways\"} 2",
        "connections_accepted_total{listener=\"operators\"} ",
        "connections_max{listener=\"gateways\"} 4096",
        "connections_aborted_total{listener=\"gateways\"} 0",
        "connections_refused_total{listener=\"operators\",cause=\"too_many_of_peer\"} 0",
        concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "served_data_age_seconds{store=\"desktops\"} ",
    ] {
        let line = format!("dcv_resolver_{sample}");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    // One path of the gateway's, and none of the operators', is answered there.
    assert_eq!(ask(serving.address, "GET /metrics").status, 404);

    let explained = ask(serving.ops(), "GET /explain?sessionId=Console").json();
    assert_eq!(explained["did_you_mean"][0]["session_id"], "console");
    assert_eq!(serving.stop().exit_code, Some(0));
}

#[test]
fn listener_for_operators_can_be_off() {
    let serving = Serving::start(&["--store", SESSIONS, "--ops-listen", "off"]);
    assert!(!serving.has_ops());
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    assert_eq!(serving.stop().exit_code, Some(0));
}

#[test]
fn port_in_use_for_operators_is_reported_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = over_sessions("");
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let output = command.args(["--ops-listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        format!(
            "dcv-resolver: cannot listen on {address}: Address already in use (os error 98); stop the program that uses it, or choose another --ops-listen\n"
        )
    );
}

#[test]
fn callers_and_clients_of_other_networks_are_refused() {
    let folder = over_sessions("callers.allowed_networks = [\"192.0.2.0/24\"]");
    let refused = ask(folder.serve().address, CONSOLE);
    assert_eq!(
        (refused.status, refused.reason().as_str()),
        (403, "caller_not_allowed")
    );

    let folder = over_sessions(
        "callers.allowed_networks = [\"127.0.0.0/8\"]\n\
         policy.client_networks = { unknown_client = \"deny\", default = [\"192.0.2.0/24\"] }",
    );
    let serving = folder.serve();
    let from = |client: &str| {
        let line = format!("{CONSOLE}&clientIpAddress={client}");
        ask(serving.address, &line)
    };
    assert_eq!(from("192.0.2.7").status, 200);
    let denied = from("198.51.100.7");
    assert_eq!((denied.status, denied.reason().as_str()), (404, "denied"));
}

#[test]
fn caller_over_its_rate_limit_gets_429() {
    let folder = over_sessions("limits = { requests_per_second = 1, burst = 3 }");
    let serving = folder.serve();
    let answers: Vec<_> = (0..100).map(|_| ask(serving.address, CONSOLE)).collect();
    assert!(answers[..3].iter().all(|answer| answer.status == 200));
    assert!(!answers[0].closes());
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.reason(), "rate_limited");
    assert!(refused.closes());
}

/// Connects as the client of a load balancer.
fn connect_for(serving: &Serving, client: &str) -> Client {
    let mut connected = Client::connect(serving.address).unwrap();
    let header = format!("PROXY TCP4 {client} 198.51.100.9 50000 443\r\n");
    connected.send_raw(header.as_bytes()).unwrap();
    connected
}

#[test]
fn forbidden_callers_take_no_connection_of_the_gateways() {
    let folder = over_sessions(
        "callers.allowed_networks = [\"192.0.2.0/24\"]\n\
         proxy_protocol.from = [\"127.0.0.1\"]\n\
         limits.max_connections = 2",
    );
    let serving = folder.serve();
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut forbidden = connect_for(&serving, "203.0.113.7");
        let refused = forbidden.ask(CONSOLE).unwrap();
        assert_eq!(refused.reason(), "caller_not_allowed");
        assert!(refused.closes());
        held.push(forbidden);
    }
    let mut gateway = connect_for(&serving, "192.0.2.7");
    for _ in 0..3 {
        assert_eq!(gateway.ask(CONSOLE).unwrap().status, 200);
    }
    let refused =
        "dcv_resolver_connections_refused_total{listener=\"gateways\",cause=\"not_allowed\"}";
    assert_eq!(serving.metric(refused), Some(20.0));
}

#[test]
fn one_host_cannot_take_all_connections_of_a_listener() {
    let folder = over_sessions("limits = { max_connections = 4, max_connections_per_peer = 2 }");
    let serving = folder.serve();
    for address in [serving.address, serving.ops()] {
        let mut held: Vec<_> = (0..20)
            .map(|_| {
                let mut client = Client::connect(address).unwrap();
                assert!(matches!(client.ask("GET /no").unwrap().status, 404 | 405));
                client
            })
            .collect();
        // The longest idle ones were closed.
        assert!(held[0].ask("GET /no").is_err());
        assert!(held[19].ask("GET /no").is_ok());
    }
    for listener in ["gateways", "operators"] {
        let evicted = format!("dcv_resolver_connections_evicted_total{{listener=\"{listener}\"}}");
        assert!(serving.metric(&evicted) >= Some(18.0), "{listener}");
    }
}

/// A store that takes connections and never answers.
struct Hanging {
    listener: TcpListener,
}

impl Hanging {
    fn new() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn url(&self) -> String {
        let port = self.listener.local_addr().unwrap().port();
        format!("redis://:tr0ub4dor@127.0.0.1:{port}")
    }
}

#[test]
fn store_fails_after_its_own_time_budget() {
    let store = Hanging::new();
    let folder = Folder::new(&format!(
        "time_budget_ms = 60000\n[[stores]]\nname = \"slow\"\nurl = \"{}\"\ntime_budget_ms = 50\n",
        store.url()
    ));
    let serving = folder.serve();
    let answer = ask(serving.address, CONSOLE);
    assert_eq!(answer.status, 503);
    let log = serving.stop().stderr;
    let [decision] = &decisions(&log)[..] else {
        panic!("expected one event: {log}");
    };
    assert_eq!(decision["store"], "slow");
    let error = decision["error"].as_str().unwrap();
    assert!(error.contains("gave up after 50ms"), "{error}");
}

#[test]
fn request_over_max_in_flight_gets_503_at_once() {
    let store = Hanging::new();
    let folder = Folder::new(&format!(
        "time_budget_ms = 60000\nlimits.max_in_flight = 1\n[[stores]]\nname = \"slow\"\nurl = \"{}\"\n",
        store.url()
    ));
    let serving = folder.serve();
    let mut first = Client::connect(serving.address).unwrap();
    first.send(CONSOLE, "", "").unwrap();
    wait_until("it is in flight", || {
        serving.metric("dcv_resolver_in_flight_requests") == Some(1.0)
    });
    let second = ask(serving.address, CONSOLE);
    assert_eq!(
        (second.status, second.reason().as_str()),
        (503, "overloaded")
    );
}

fn administered(store: &str) -> Folder {
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"agents\"\nurl = \"{store}\"\n[admin]\ntokens_file = \"tokens\"\n"
    ));
    folder.write(
        "tokens",
        &format!("reader read-only {READER}\nwriter read-write {WRITER}\n"),
    );
    folder
}

#[test]
fn session_registered_over_http_is_resolved_until_deregistered() {
    let folder = administered("memory:");
    let serving = folder.serve();
    let session = json!({"host": "ws-1.dcv.example", "http_port": 8443, "ttl_ms": 3_600_000});
    let path = "/v1/sessions/console";
    let put = |token: &str| {
        ask_with(
            serving.ops(),
            &format!("PUT {path}"),
            &format!("{}content-type: application/json\r\n", bearer(token)),
            &session.to_string(),
        )
    };
    assert_eq!(ask(serving.ops(), &format!("GET {path}")).status, 401);
    assert_eq!(put(READER).status, 403);
    let registered = put(WRITER);
    assert_eq!(registered.status, 200, "{registered:?}");
    let lease = registered.header("lease-token").unwrap().to_owned();
    assert_eq!(
        ask(serving.address, CONSOLE).json()["DcvServerEndpoint"],
        "ws-1.dcv.example"
    );

    // With tokens, explanations are for those who have one.
    let explain = "GET /explain?sessionId=console";
    assert_eq!(ask(serving.ops(), explain).status, 401);
    assert_eq!(
        ask_with(serving.ops(), explain, &bearer(READER), "").status,
        200
    );

    let headers = format!("{}lease-token: {lease}\r\n", bearer(WRITER));
    let gone = ask_with(serving.ops(), &format!("DELETE {path}"), &headers, "");
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(ask(serving.address, CONSOLE).status, 404);
    let log = serving.stop().stderr;
    assert!(!log.contains(&lease), "a lease was logged");
}

#[test]
fn token_removed_from_the_file_is_refused_and_a_new_one_accepted() {
    let folder = administered("memory:");
    let serving = folder.serve();
    let list = |token: &str| ask_with(serving.ops(), "GET /v1/sessions", &bearer(token), "").status;
    assert_eq!(list(READER), 200);
    let new = "0123456789-new-tr0ub4dor-0123456789";
    serving.change("tokens", "ok", || {
        folder.write("tokens", &format!("reader read-only {new}\n"));
    });
    assert_eq!((list(READER), list(new)), (401, 200));

    serving.change("tokens", "failed", || {
        folder.write("tokens", "reader read-only short-tr0ub4dor\n");
    });
    assert_eq!(list(new), 200);
    serving.stop();
}

#[test]
fn admin_of_a_read_only_store_is_refused() {
    let finished = administered(SESSIONS).run("serve");
    assert_eq!(finished.exit_code, Some(2));
    assert!(
        finished
            .stderr
            .contains("is a session file, which is read-only"),
        "{}",
        finished.stderr
    );
}

#[test]
fn reload_of_a_session_file_is_counted() {
    let folder = Folder::new("[[stores]]\nname = \"desktops\"\nurl = \"file:sessions.toml\"\n");
    let session = "[sessions.console]\nhost = \"ws-1.dcv.example\"\nhttp_port = 8443\n";
    folder.write("sessions.toml", session);
    let serving = folder.serve();
    serving.change("sessions", "ok", || {
        folder.write("sessions.toml", &session.replace("ws-1", "ws-2"));
    });
    assert_eq!(
        ask(serving.address, CONSOLE).json()["DcvServerEndpoint"],
        "ws-2.dcv.example"
    );
    serving.change("sessions", "failed", || {
        folder.write("sessions.toml", "[sessions.console]\nhots = 1\n");
    });
    assert_eq!(ask(serving.address, CONSOLE).status, 200);
    serving.stop();
}

#[test]
fn expired_sessions_are_removed_only_after_they_were_kept() {
    const HOUR_MS: i64 = 3_600_000;
    let folder = administered("memory:");
    let config = std::fs::read_to_string(folder.path("resolver.toml")).unwrap();
    let config = config.replace("[admin]\n", "[admin]\nsweep_interval_ms = 10\n");
    folder.write("resolver.toml", &config);
    let serving = folder.serve();
    let headers = format!("{}content-type: application/json\r\n", bearer(WRITER));
    let now_ms = SystemClock.now().as_unix_ms();
    for (id, expires_at_ms) in [
        ("live", now_ms + HOUR_MS),
        ("recent", now_ms - HOUR_MS),
        ("old", now_ms - 25 * HOUR_MS),
    ] {
        let session =
            json!({"host": "ws-1.dcv.example", "http_port": 8443, "expires_at_ms": expires_at_ms});
        let line = format!("PUT /v1/sessions/{id}");
        let registered = ask_with(serving.ops(), &line, &headers, &session.to_string());
        assert_eq!(registered.status, 200, "{registered:?}");
    }
    wait_until("a session is removed", || {
        serving.metric("dcv_resolver_sessions_swept_total{store=\"agents\"}") == Some(1.0)
    });
    let answer = |id: &str| {
        ask(
            serving.address,
            &format!("POST /resolveSession?sessionId={id}"),
        )
    };
    assert_eq!(answer("live").status, 200);
    assert_eq!(answer("recent").reason(), "expired");
    assert_eq!(answer("old").reason(), "unknown");
    let log = serving.stop().stderr;
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("sessions removed"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("\"removed\":1"), "{log}");
}

/// The process stands still while a session expires.
#[test]
fn session_that_expires_during_a_suspension_is_not_found() {
    const TTL: Duration = Duration::from_secs(2);
    let folder = administered("memory:");
    let serving = folder.serve();
    let session = json!({"host": "ws-1.dcv.example", "http_port": 8443, "ttl_ms": 2_000});
    let headers = format!("{}content-type: application/json\r\n", bearer(WRITER));
    let mut asked_before = Client::connect(serving.address).unwrap();
    // On a machine that is very busy it may have expired already.
    let registered = loop {
        let line = "PUT /v1/sessions/console";
        let registered = ask_with(serving.ops(), line, &headers, &session.to_string());
        assert_eq!(registered.status, 200, "{registered:?}");
        let registered = Instant::now();
        if asked_before.ask(CONSOLE).unwrap().status == 200 {
            break registered;
        }
    };
    serving.stand_still();
    // One request arrives while the process stands still.
    asked_before.send(CONSOLE, "", "").unwrap();
    wait_until("the session has expired", || registered.elapsed() > TTL);
    serving.signal("CONT");
    for answer in [asked_before.read().unwrap(), ask(serving.address, CONSOLE)] {
        assert_eq!(
            (answer.status, answer.reason().as_str()),
            (404, "expired"),
            "{answer:?}"
        );
    }
    serving.stop();
}
