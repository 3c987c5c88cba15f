//! `agent`: registers the sessions that a command lists, for as long as they run.

use std::os::unix::fs::PermissionsExt;

use dcv_resolver_test_support::port::free_port;
use serde_json::{Value, json};

use crate::client::ask;
use crate::dcv_server::{DcvServer, rounds, sessions};
use crate::pki::{Ca, issue_server};
use crate::support::{Folder, Serving, dcv_resolver, run, wait_until};

/// Long enough for an agent to be slow, on a machine that is busy.
const FAST: [&str; 2] = ["--interval-ms", "200"];
/// So long that no lease ends during a test.
const SLOW: [&str; 2] = ["--interval-ms", "60000"];

/// A server, and a database.
struct Place {
    server: DcvServer,
    store: String,
}

impl Place {
    fn new() -> Self {
        let server = DcvServer::new("ws-17.dcv.example");
        let store = format!("sqlite:{}", server.path("sessions.db").display());
        Self { server, store }
    }

    fn agent(&self, arguments: &[&str]) -> Serving {
        let store = ["--store", &self.store];
        self.server.start(&[arguments, &store].concat())
    }

    /// The stored sessions, with their expiry.
    fn stored(&self) -> Vec<Value> {
        let listed = run(&["list", "--json", "--store", &self.store]);
        assert_eq!(listed.exit_code, Some(0), "{}", listed.stderr);
        serde_json::from_str(&listed.stdout).unwrap()
    }

    fn ids(&self) -> Vec<String> {
        let ids = self.stored().into_iter();
        ids.map(|session| session["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn waits_for(&self, ids: &[&str]) {
        wait_until("the sessions are stored", || self.ids() == ids);
    }
}

#[test]
fn session_is_registered_as_the_server_offers_it_renewed_and_removed() {
    let place = Place::new();
    place.server.write(
        "dcv.conf",
        "[connectivity]\nweb-port=9443\nenable-quic-frontend=true\nquic-port=9444\nweb-url-path=\"/dcv\"\n",
    );
    place.server.lists(&["cad", "console"]);
    let agent = place.agent(
        &[
            &FAST[..],
            &["--id", "{session}@{host}", "--label", "site=a"],
        ]
        .concat(),
    );
    let ids = ["cad@ws-17.dcv.example", "console@ws-17.dcv.example"];
    place.waits_for(&ids);
    let mut first = place.stored().swap_remove(0);
    let expiry = first["expires_at_ms"].take().as_i64().unwrap();
    assert_eq!(
        first,
        json!({
            "id": ids[0], "target_id": "cad", "host": "ws-17.dcv.example", "http_port": 9443,
            "quic_port": 9444, "web_url_path": "/dcv", "state": "READY", "owner": "ann",
            "labels": {"site": "a"}, "expires_at_ms": null,
        })
    );
    wait_until("the lease is renewed", || {
        place.stored()[0]["expires_at_ms"].as_i64().unwrap() > expiry
    });

    place.server.lists(&["console"]);
    place.waits_for(&ids[1..]);
    agent.wait_until_ready();
    let explain = format!("GET /explain?sessionId={}", ids[1]);
    wait_until("its own pages show the session", || {
        sessions(&agent, "READY") == 1 && ask(agent.ops(), &explain).json()["outcome"] == "found"
    });

    let stopped = agent.stop();
    assert_eq!(stopped.exit_code, Some(0), "{}", stopped.stderr);
    assert_eq!(place.ids(), [""; 0], "it removes them at the end");
}

#[test]
fn killed_agent_leaves_its_sessions_until_their_leases_end() {
    let place = Place::new();
    place.server.lists(&["console"]);
    let agent = place.agent(&FAST);
    place.waits_for(&["console"]);
    let serving = Serving::start(&["--store", &place.store]);
    let reason = || ask(serving.address, "POST /resolveSession?sessionId=console");
    agent.kill();
    wait_until("the lease ends", || {
        let answer = reason();
        answer.status == 404 && answer.reason() == "expired"
    });
}

#[test]
fn restarted_agent_owns_its_sessions_still_and_another_one_does_not() {
    let place = Place::new();
    place.server.lists(&["console"]);
    let agent = place.agent(&SLOW);
    place.waits_for(&["console"]);
    agent.kill();
    let token = std::fs::metadata(place.server.path("lease-token")).unwrap();
    assert_eq!(token.permissions().mode() & 0o777, 0o600);

    let other = DcvServer::new("ws-18.dcv.example");
    other.lists(&["console"]);
    let other = other.start(&[&FAST[..], &["--store", &place.store]].concat());
    wait_until("several rounds find the id taken", || {
        rounds(&other, "ok") > 3 && sessions(&other, "already_exists") == 1
    });
    let other = other.stop();
    let logged = other.stderr.matches("registered under another lease");
    assert_eq!(logged.count(), 1, "{}", other.stderr);
    assert_eq!(place.stored()[0]["host"], "ws-17.dcv.example");

    let agent = place.agent(&SLOW);
    wait_until("it has its session back", || {
        rounds(&agent, "ok") > 0 && sessions(&agent, "READY") == 1
    });
    assert_eq!(agent.stop().exit_code, Some(0));
    assert_eq!(place.ids(), [""; 0]);
}

#[test]
fn restarted_agent_renews_its_sessions_while_the_command_fails() {
    let place = Place::new();
    place.server.lists(&["console"]);
    let agent = place.agent(&SLOW);
    wait_until("a round ends", || rounds(&agent, "ok") == 1);
    agent.kill();
    let expiry = || place.stored()[0]["expires_at_ms"].as_i64().unwrap();
    let before = expiry();
    let file = std::fs::metadata(place.server.path("registered.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    place.server.does("exit 1");
    let agent = place.agent(&SLOW);
    wait_until("the lease is renewed", || expiry() > before);
    place.server.works();
    assert_eq!(agent.stop().exit_code, Some(0));
    assert_eq!(place.ids(), [""; 0]);
}

#[test]
fn sessions_stay_registered_at_the_end_with_keep() {
    let place = Place::new();
    place.server.lists(&["console"]);
    let agent = place.agent(&[&SLOW[..], &["--keep"]].concat());
    place.waits_for(&["console"]);
    assert_eq!(agent.stop().exit_code, Some(0));
    assert_eq!(place.ids(), ["console"]);
}

/// Each makes the command fail in another way.
const FAILURES: [(&str, &str); 6] = [
    ("failed", "echo '[]'; echo no server >&2; exit 1"),
    ("timed_out", "exec sleep 600"),
    ("invalid", "echo garbage"),
    ("too_long", "head -c 10000000 /dev/zero"),
    ("invalid", r#"echo '{"sessions": []}'"#),
    ("invalid", r#"echo '[{"session-id": "console"}]'"#),
];

#[test]
fn command_that_fails_removes_no_session_and_does_not_flood_the_log() {
    let place = Place::new();
    place.server.lists(&["console"]);
    let timeout = ["--command-timeout-ms", "300"];
    let agent = place.agent(&[&FAST[..], &timeout].concat());
    for (kind, script) in FAILURES {
        place.server.works();
        wait_until("the session is ready", || sessions(&agent, "READY") == 1);
        let before = rounds(&agent, "not_listed");
        place.server.does(script);
        wait_until("the session is unknown", || {
            sessions(&agent, "UNKNOWN") == 1
        });
        wait_until("several rounds fail", || {
            rounds(&agent, "not_listed") > before + 3
        });
        let stored = place.stored();
        assert_eq!(stored.len(), 1, "{kind}");
        assert_eq!(stored[0]["state"], "UNKNOWN", "{kind}");
    }
    // Once a second it is asked whether the sessions can be listed.
    wait_until("the failure is reported", || {
        let ready = ask(agent.ops(), "GET /readyz");
        ready.body.contains("failing") || ready.status == 503
    });
    let stopped = agent.stop();
    assert_eq!(stopped.exit_code, Some(0), "{}", stopped.stderr);
    for kind in ["failed", "timed_out", "invalid", "too_long"] {
        let lines = stopped.stderr.lines();
        let kind = format!("\"kind\":\"{kind}\"");
        let logged = lines.filter(|line| line.contains(&kind) && line.contains("cannot list"));
        assert_eq!(logged.count(), 1, "{kind}: {}", stopped.stderr);
    }
    let lines = stopped.stderr.lines().count();
    assert!(lines < 30, "{lines} lines:\n{}", stopped.stderr);
}

#[test]
fn lease_outlasts_a_command_that_hangs() {
    let place = Place::new();
    place.server.lists(&["console"]);
    // The time limit of the command is longer than a lease.
    let agent = place.agent(&["--interval-ms", "2000"]);
    place.waits_for(&["console"]);
    let serving = Serving::start(&["--store", &place.store]);
    place.server.does("exec sleep 600");
    let mut last = ask(serving.address, "POST /resolveSession?sessionId=console");
    assert_eq!(last.status, 200, "{last:?}");
    wait_until("the session is not resolved", || {
        last = ask(serving.address, "POST /resolveSession?sessionId=console");
        last.status != 200
    });
    // It was found until it was UNKNOWN.
    assert_eq!(last.reason(), "not_ready", "{last:?}");
    assert_eq!(agent.stop().exit_code, Some(0));
}

#[test]
fn command_that_is_not_installed_does_not_end_the_agent() {
    let place = Place::new();
    let mut command = dcv_resolver(&["agent", "--host", "ws-17.dcv.example"]);
    command.args(["--store", &place.store, "--interval-ms", "100"]);
    command.arg("--state-dir").arg(place.server.path(""));
    command.args(["--", "/nowhere/dcv", "list-sessions"]);
    let agent = Serving::spawn_agent(command);
    wait_until("several rounds fail", || rounds(&agent, "not_listed") > 3);
    let stopped = agent.stop();
    assert_eq!(stopped.exit_code, Some(0));
    assert_eq!(
        stopped.stderr.matches("cannot start /nowhere/dcv").count(),
        1
    );
}

const TOKEN: &str = "tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A resolver with the admin API over TLS, which keeps sessions in memory.
fn resolver(port: u16) -> Folder {
    let folder = Folder::new(&format!(
        "[ops]\nlisten = \"127.0.0.1:{port}\"\n[admin]\ntokens_file = \"tokens\"\n\
         [ops.tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n\
         [[stores]]\nname = \"agents\"\nurl = \"memory:\"\n"
    ));
    let ca = Ca::new("all");
    folder.write("ca.pem", &ca.pem);
    issue_server(&ca, &folder, &["localhost"]);
    let limits = "ids=*@ws-17.dcv.example hosts=ws-17.dcv.example";
    folder.write("tokens", &format!("ws-17 read-write {TOKEN} {limits}\n"));
    folder.write("token", &format!("{TOKEN}\n"));
    folder
}

fn serve(folder: &Folder) -> Serving {
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    // The port is in the file.
    command.env_remove("DCV_RESOLVER_OPS_LISTEN");
    Serving::spawn(command)
}

#[test]
fn resolver_that_is_away_and_returns_gets_every_session_again() {
    let port = free_port();
    let folder = resolver(port);
    let server = DcvServer::new("ws-17.dcv.example");
    server.lists(&["a/b", "console"]);
    let (token, ca) = (folder.path("token"), folder.path("ca.pem"));
    let url = format!("https://localhost:{port}");
    let place = ["--admin-url", &url, "--id", "{session}@{host}"];
    let files = [
        "--admin-token-file",
        token.to_str().unwrap(),
        "--ca-file",
        ca.to_str().unwrap(),
    ];
    let agent = server.start(&[&FAST[..], &place, &files].concat());
    wait_until("the resolver is found to be away", || {
        rounds(&agent, "unavailable") > 0
    });
    let target = |session| format!("/resolveSession?sessionId={session}@ws-17.dcv.example");
    for start in 1..=2 {
        let serving = serve(&folder);
        for session in ["a%2Fb", "console"] {
            let target = target(session);
            wait_until("the session is found", || {
                serving.post(&target).starts_with("HTTP/1.1 200 ")
            });
        }
        server.lists(&["a/b", "console", "new"]);
        let new = target("new");
        wait_until("a new session is found", || {
            serving.post(&new).starts_with("HTTP/1.1 200 ")
        });
        server.lists(&["a/b", "console"]);
        wait_until("its end is seen", || {
            serving.post(&new).contains("\"unknown\"")
        });
        let before = rounds(&agent, "unavailable");
        assert_eq!(serving.stop().exit_code, Some(0), "{start}");
        wait_until("the resolver is found to be away", || {
            rounds(&agent, "unavailable") > before + 3
        });
    }
    let stopped = agent.stop();
    assert_eq!(stopped.exit_code, Some(0), "{}", stopped.stderr);
    let mut lines = stopped.stderr.lines();
    let first = lines.find(|line| line.contains("\"kind\":\"unavailable\""));
    let first = first.unwrap();
    assert_eq!(first.matches("Connection refused").count(), 1, "{first}");
    let logged = stopped.stderr.matches("\"kind\":\"unavailable\"").count();
    assert!(
        logged <= 2,
        "one event, and perhaps its summary: {}",
        stopped.stderr
    );
}

#[test]
fn refused_session_does_not_keep_others_from_being_registered() {
    let port = free_port();
    let folder = resolver(port);
    let serving = serve(&folder);
    let server = DcvServer::new("ws-17.dcv.example");
    // The token is for ids that end with an @ and the host.
    server.lists(&["!", "console@"]);
    let (token, ca) = (folder.path("token"), folder.path("ca.pem"));
    let url = format!("https://localhost:{port}");
    let agent = server.start(
        &[
            &FAST[..],
            &["--admin-url", &url, "--id", "{session}{host}"],
            &["--admin-token-file", token.to_str().unwrap()],
            &["--ca-file", ca.to_str().unwrap()],
        ]
        .concat(),
    );
    wait_until("one is refused", || rounds(&agent, "refused") > 2);
    let target = "/resolveSession?sessionId=console@ws-17.dcv.example";
    wait_until("the other is found", || {
        serving.post(target).starts_with("HTTP/1.1 200 ")
    });
    let stopped = agent.stop();
    assert_eq!(
        stopped
            .stderr
            .matches("limited to other session ids")
            .count(),
        1,
        "{}",
        stopped.stderr
    );
}

#[test]
fn invalid_command_line_ends_with_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let database = format!("sqlite:{state}/a.db");
    for (arguments, expected) in [
        (
            vec!["--state-dir", state],
            "<--admin-url <URL>|--store <URL>>",
        ),
        (
            vec!["--state-dir", state, "--admin-url", "https://a.example"],
            "--admin-token-file <FILE>",
        ),
        (
            vec!["--state-dir", state, "--store", "memory:"],
            "no resolver sees",
        ),
        (
            vec!["--state-dir", "/dev/null/state", "--store", &database],
            "cannot read the lease token in /dev/null/state/lease-token: Not a directory",
        ),
        (
            vec!["--state-dir", state, "--store", &database, "--id", "{name}"],
            "expected {session} or {host} at byte 0",
        ),
        (
            vec![
                "--state-dir",
                state,
                "--admin-url",
                "ftp://a.example",
                "--admin-token-file",
                "t",
            ],
            "--admin-url: ",
        ),
    ] {
        let host = ["agent", "--host", "ws-17.dcv.example"];
        let finished = run(&[&host[..], &arguments].concat());
        assert_eq!(finished.exit_code, Some(2), "{}", finished.stderr);
        let last = finished.stderr.lines().last().unwrap();
        assert!(last.contains(expected), "{last}");
    }
}
