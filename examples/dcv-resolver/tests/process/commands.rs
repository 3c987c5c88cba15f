//! The other subcommands as processes: what they print, and how they exit.

use std::fs;

use crate::support::{Finished, dcv_resolver, run};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const SESSIONS_JSON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.json");

#[test]
fn resolve_prints_the_answer() {
    let finished = run(&["resolve", "i-0abc", "--store", SESSIONS]);
    assert_eq!(finished.exit_code, Some(0));
    assert_eq!(
        finished.stdout,
        "{\"SessionId\":\"console\",\"TransportProtocol\":\"HTTP\",\"DcvServerEndpoint\":\"192.0.2.24\",\"Port\":8443,\"WebUrlPath\":\"/\"}\n"
    );
}

#[test]
fn resolve_prints_why_a_session_is_not_found() {
    for (arguments, expected) in [
        (
            vec!["resolve", "no-such-session"],
            "dcv-resolver: not found (unknown): no session has this id\n",
        ),
        (
            vec![
                "resolve",
                "i-0abc",
                "--transport",
                "QUIC",
                "--client-ip",
                "198.51.100.7",
            ],
            "dcv-resolver: not found (transport_not_offered): the session's server does not offer QUIC\n",
        ),
    ] {
        let finished = run(&[&arguments[..], &["--store", SESSIONS]].concat());
        assert_eq!(finished.exit_code, Some(1));
        assert_eq!(finished.stdout, "");
        assert_eq!(finished.stderr, expected);
    }
}

#[test]
fn check_prints_what_would_be_served() {
    let finished = run(&["check", "--store", SESSIONS]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", finished.stdout);
    assert!(
        lines[4].ends_with("sessions.toml:19: \"i-[0-9a-f]{17}\" leads to \"{0}.ec2.example\""),
        "{}",
        lines[4],
    );
    assert!(lines[0].starts_with("SESSION "));
    let console = lines
        .iter()
        .find(|line| line.starts_with("console "))
        .unwrap();
    assert_eq!(
        console.split_whitespace().collect::<Vec<_>>(),
        [
            "console",
            "console",
            "ws-17.dcv.example",
            "8443",
            "8443",
            "/",
            "READY",
            "never"
        ]
    );
}

#[test]
fn list_shows_a_session_file_by_id() {
    let finished = run(&["list", "--store", SESSIONS]);
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    let firsts = finished.stdout.lines().map(|line| &line[..7]);
    assert_eq!(
        firsts.collect::<Vec<_>>(),
        ["SESSION", "ann's w", "console", "i-0abc "]
    );
}

#[test]
fn check_prints_one_session_of_a_file_or_of_its_patterns() {
    let instance = "i-0123456789abcdef0";
    for (session, host) in [
        ("i-0abc", "192.0.2.24"),
        (instance, "i-0123456789abcdef0.ec2.example"),
    ] {
        let finished = run(&["check", "--session", session, "--store", SESSIONS]);
        assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
        let lines: Vec<_> = finished.stdout.lines().collect();
        let [_titles, row] = lines[..] else {
            panic!("{}", finished.stdout);
        };
        assert!(row.starts_with(session) && row.contains(host), "{row}");
    }
    let finished = run(&["check", "--session", "no-such-session", "--store", SESSIONS]);
    assert_eq!(finished.exit_code, Some(1));
    assert_eq!(
        finished.stderr,
        "dcv-resolver: no store holds the session \"no-such-session\"\n"
    );
}

#[test]
fn check_reports_every_error_in_a_session_file_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    fs::write(
        &path,
        "[sessions.a]\nhost = \"ws.example:8443\"\nhttp_port = 8443\n\n[sessions.b]\nhots = \"ws.example\"\nhttp_port = 99999\n",
    )
    .unwrap();
    let finished = run(&["check", "--store", &format!("file:{}", path.display())]);
    assert_eq!(finished.exit_code, Some(1));
    assert_eq!(finished.stdout, "");
    for place in [":2:8: ", ":6:1: ", ":7:13: "] {
        let expected = format!("{}{place}", path.display());
        assert!(
            finished.stderr.contains(&expected),
            "{place} in {}",
            finished.stderr
        );
    }
}

#[test]
fn invalid_command_is_one_line_and_exit_code_2() {
    for (arguments, expected) in [
        (
            vec!["check", "--store", "file:no/such/file.toml"],
            "no/such/file.toml",
        ),
        (vec![], "expected a command"),
        (
            vec!["serve", "--listen", "localhost", "--store", "memory:"],
            "expected an IP address or a name and a port",
        ),
        (
            vec!["resolve", "a", "--store", "sqlite:no/such/file.db"],
            "there is no database file",
        ),
        (
            vec!["serve", "--stroe", "file:a.toml"],
            "unexpected argument '--stroe'",
        ),
        (vec!["serve", "--store", "tr0ub4dor"], "expected file:PATH"),
        (
            vec!["sweep", "--store", SESSIONS],
            "is read-only; writable stores are sqlite:, redis://,",
        ),
        (
            vec![
                "register",
                "a",
                "--host",
                "ws.example",
                "--never-expires",
                "--store",
                "memory:",
            ],
            "needs an HTTP port, a QUIC port, or both",
        ),
        (
            vec![
                "register",
                "a",
                "--host",
                "ws.example",
                "--http-port",
                "1",
                "--store",
                "memory:",
            ],
            "--ttl-s <SECONDS>|--expires-at <TIME>|--never-expires",
        ),
    ] {
        let finished = run(&arguments);
        assert_eq!(finished.exit_code, Some(2), "{arguments:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert!(
            !finished.stderr.contains("tr0ub4dor"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn lease_is_registered_renewed_expired_and_swept_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let run = |arguments: &[&str]| {
        let output = dcv_resolver(arguments)
            .env("DCV_RESOLVER_STORE", &store)
            .output();
        Finished::from(output.unwrap())
    };

    let register = [
        "register",
        "ann",
        "--host",
        "ws.example",
        "--http-port",
        "8443",
        "--label",
        "team=cad",
    ];
    let registered = run(&[&register[..], &["--ttl-s", "3600"]].concat());
    assert_eq!(registered.exit_code, Some(0), "{}", registered.stderr);
    let token = registered.stdout.trim();
    assert_eq!(token.len(), 32);
    assert_eq!(run(&["resolve", "ann"]).exit_code, Some(0));

    let other = run(&[&register[..], &["--never-expires"]].concat());
    assert_eq!(other.exit_code, Some(1));
    assert!(
        other.stderr.contains("under another lease"),
        "{}",
        other.stderr
    );

    let renew = [
        "renew",
        "ann",
        "--token",
        token,
        "--expires-at",
        "2099-01-01T00:00:00Z",
    ];
    assert_eq!(run(&renew).exit_code, Some(0));
    let listed = run(&["list", "--json"]);
    let records: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(records[0]["id"], "ann");
    assert_eq!(records[0]["labels"]["team"], "cad");
    assert_eq!(records[0]["expires_at_ms"], 4_070_908_800_000_u64);
    assert!(run(&["list"]).stdout.contains("2099-01-01T00:00:00Z"));

    let past = [
        "renew",
        "ann",
        "--token",
        token,
        "--expires-at",
        "2020-01-01T00:00:00Z",
    ];
    assert_eq!(run(&past).exit_code, Some(0));
    let expired = run(&["resolve", "ann"]);
    assert!(
        expired
            .stderr
            .contains("(expired): the session expired at 2020-01-01T00:00:00Z"),
        "{}",
        expired.stderr
    );
    assert_eq!(
        run(&renew).exit_code,
        Some(1),
        "an expired lease is not revived"
    );
    assert_eq!(run(&["sweep"]).stdout, "1\n");
    assert_eq!(
        run(&["deregister", "ann", "--token", token]).exit_code,
        Some(1)
    );
}

#[test]
fn import_stores_every_session_or_names_the_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let import = ["import", SESSIONS_JSON, "--store", &store];

    let dry = run(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(dry.exit_code, Some(0), "{}", dry.stderr);
    assert!(
        dry.stdout.starts_with("2 sessions would be imported"),
        "{}",
        dry.stdout
    );
    assert!(
        dry.stdout.ends_with("which would be created\n"),
        "{}",
        dry.stdout
    );
    assert!(!folder.path().join("sessions.db").exists());

    let first = run(&import);
    assert_eq!(first.exit_code, Some(0), "{}", first.stderr);
    assert!(
        first.stdout.starts_with("imported 2 of 2 sessions"),
        "{}",
        first.stdout
    );
    assert_eq!(
        run(&["resolve", "console", "--store", &store]).exit_code,
        Some(0)
    );

    let second = run(&import);
    assert_eq!(second.exit_code, Some(1));
    assert!(
        second.stdout.starts_with("imported 0 of 2 sessions"),
        "{}",
        second.stdout
    );
    assert!(
        second.stderr.contains("\"console\", \"i-0abc\""),
        "{}",
        second.stderr
    );

    let replaced = run(&[&import[..], &["--replace"]].concat());
    assert_eq!(replaced.exit_code, Some(0), "{}", replaced.stderr);
}
