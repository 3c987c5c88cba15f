//! `import` of what other programs print.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Finished, run};

const LISTED: &str = r#"[{"id":"console","owner":"ann","type":"console","num-of-connections":0,
    "creation-time":"2026-01-02T03:04:05Z","last-disconnection-time":""}]"#;

const SESSIONS: &str = r#"{"Sessions":[
    {"Id":"a","Owner":"ann","State":"READY","Server":{"Id":"srv-1"}},
    {"Id":"b","Owner":"bob","State":"DELETING","Server":{"Id":"srv-1"}}]}"#;

const SERVERS: &str = r#"{"Servers":[{"Id":"srv-1","DefaultDnsName":"ws-17.dcv.example",
    "Endpoints":[{"Protocol":"HTTP","Port":8443,"WebUrlPath":"/"}]}]}"#;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.0.path().join("sessions.db").display())
    }

    fn import(&self, arguments: &[&str]) -> Finished {
        run(&[&["import", "--store", &self.store()], arguments].concat())
    }

    fn stored(&self) -> Value {
        let listed = run(&["list", "--json", "--store", &self.store()]);
        serde_json::from_str(&listed.stdout).unwrap()
    }
}

#[test]
fn sessions_of_a_dcv_server_are_imported_with_what_is_given_of_it() {
    let place = Place::new();
    let config = place.write("dcv.conf", "[connectivity]\nweb-port=9443\n");
    let file = place.write("listed.txt", LISTED);
    let imported = place.import(&[
        &file,
        "--host",
        "ws-17.dcv.example",
        "--id",
        "{host}/{session}",
        "--dcv-config",
        &config,
        "--quic-port",
        "9444",
    ]);
    assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
    assert_eq!(
        place.stored(),
        json!([{
            "id": "ws-17.dcv.example/console", "target_id": "console", "host": "ws-17.dcv.example",
            "http_port": 9443, "quic_port": 9444, "web_url_path": "/", "state": "READY",
            "owner": "ann", "expires_at_ms": null,
        }])
    );
}

#[test]
fn ready_sessions_of_a_broker_are_imported() {
    let place = Place::new();
    let sessions = place.write("sessions.json", SESSIONS);
    let servers = place.write("servers.json", SERVERS);
    let imported = place.import(&[&sessions, "--servers", &servers]);
    assert_eq!(imported.exit_code, Some(0), "{}", imported.stderr);
    assert!(
        imported.stdout.starts_with("imported 1 of 1 sessions"),
        "{}",
        imported.stdout
    );
    assert!(
        imported.stderr.contains("not READY: \"b\""),
        "{}",
        imported.stderr
    );
    assert_eq!(place.stored()[0]["host"], "ws-17.dcv.example");
}

#[test]
fn error_says_what_was_found_and_what_to_give() {
    let place = Place::new();
    let listed = place.write("listed.json", LISTED);
    let people = place.write(
        "people.txt",
        "Session: 'console' (owner:ann type:console)\n",
    );
    let sessions = place.write("sessions.json", SESSIONS);
    let toml = place.write(
        "sessions.toml",
        "[sessions.a]\nhost = \"ws.example\"\nhttp_port = 1\n",
    );
    let out_of_range = place.write("number.json", "[{\"id\":\"a\",\n\"owner\":1e999}]");
    let host = "ws-17.dcv.example";
    for (arguments, expected) in [
        (
            vec![&*listed],
            "listed.json is the output of `dcv list-sessions --json`, which names no host; give --host",
        ),
        (
            vec![&people, "--host", host],
            "people.txt is the output of `dcv list-sessions` for people; give that of `dcv list-sessions --json`",
        ),
        (
            vec![&sessions],
            "its server has no DefaultDnsName, Hostname or Ip; give --servers FILE",
        ),
        (
            vec![&sessions, "--host", host],
            "--host is only for the output of `dcv list-sessions --json`, but",
        ),
        (
            vec![&sessions, "--servers", &sessions],
            "sessions.json is not the output of DescribeServers",
        ),
        (
            vec![&toml, "--http-port", "1"],
            "sessions.toml is a session file",
        ),
        (
            vec![&toml, "--servers", &sessions],
            "--servers is only for the output of DescribeSessions, but",
        ),
        (
            vec![&out_of_range, "--host", host],
            "prints: number out of range at line 2 column ",
        ),
        (vec!["/nowhere/a.json"], "cannot read /nowhere/a.json"),
    ] {
        let finished = place.import(&arguments);
        assert_ne!(finished.exit_code, Some(0), "{arguments:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
}

#[test]
fn file_over_the_limit_is_refused() {
    let place = Place::new();
    let padded = |text: &str| format!("{text}{}", " ".repeat(16 << 20));
    let listed = place.write("listed.json", &padded(LISTED));
    let sessions = place.write("sessions.json", SESSIONS);
    let servers = place.write("servers.json", &padded(SERVERS));
    let huge = place.write("huge.json", "");
    fs::File::create(&huge).unwrap().set_len(1 << 30).unwrap();
    for (arguments, expected) in [
        (
            vec![&*listed, "--host", "ws-17.dcv.example"],
            "listed.json is larger than 16 MiB, the limit for the output of DCV programs; divide it",
        ),
        (
            vec![&sessions, "--servers", &servers],
            "servers.json is larger than 16 MiB",
        ),
        (
            vec![&huge],
            "huge.json is larger than 512 MiB, the limit for a file to import; divide it",
        ),
    ] {
        let finished = place.import(&arguments);
        assert_ne!(finished.exit_code, Some(0), "{arguments:?}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    }
}
