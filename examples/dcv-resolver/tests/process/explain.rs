//! `explain`: how a request is resolved, step by step.

use std::fs;

use crate::support::run;

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");

#[test]
fn explain_takes_an_id_or_a_whole_link() {
    for session in [
        "console",
        "https://gw.example:8443/?authToken=tr0ub4dor#console",
        "console?authToken=tr0ub4dor",
        "?authToken=tr0ub4dor#console",
    ] {
        let finished = run(&["explain", session, "--store", SESSIONS]);
        assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
        assert!(
            finished
                .stdout
                .contains("found: ws-17.dcv.example port 8443\n"),
            "{}",
            finished.stdout
        );
        assert!(!finished.stdout.contains("tr0ub4dor"));
    }
}

#[test]
fn explain_names_the_pattern_that_made_the_session() {
    let id = "i-0123456789abcdef0";
    let finished = run(&["explain", id, "--store", SESSIONS]);
    let line = "sessions.toml:19 (decides)\n";
    assert!(
        finished.stdout.contains("; made by pattern "),
        "{}",
        finished.stdout
    );
    assert!(finished.stdout.contains(line), "{}", finished.stdout);
    let finished = run(&["explain", id, "--store", SESSIONS, "--json"]);
    let explanation: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let made_by = explanation["stores"][0]["made_by"].as_str().unwrap();
    assert!(made_by.starts_with("pattern "), "{made_by}");
    let finished = run(&["explain", "console", "--store", SESSIONS]);
    assert!(!finished.stdout.contains("made by"), "{}", finished.stdout);
}

#[test]
fn explain_takes_transport_and_client_from_a_url_unless_there_are_flags() {
    let url = "http://127.0.0.1:9000/resolveSession?sessionId=console&transport=QUIC&clientIpAddress=192.0.2.9";
    for (flags, first_line) in [
        (
            &[][..],
            "session \"console\" over QUIC, client 192.0.2.9, at ",
        ),
        (
            &["--transport", "HTTP", "--client-ip", "192.0.2.7"],
            "session \"console\" over HTTP, client 192.0.2.7, at ",
        ),
    ] {
        let finished = run(&[&["explain", url, "--store", SESSIONS], flags].concat());
        assert!(
            finished.stdout.starts_with(first_line),
            "{}{}",
            finished.stdout,
            finished.stderr
        );
        assert!(!finished.stdout.contains('#'), "{}", finished.stdout);
    }
}

#[test]
fn explain_suggests_similar_ids() {
    let link = "https://gw.example:8443/?sessionId=Console&authToken=tr0ub4dor";
    let finished = run(&["explain", link, "--store", SESSIONS]);
    assert_eq!(finished.exit_code, Some(1));
    assert_eq!(finished.stderr, "");
    for expected in [
        "not found (unknown)",
        "did you mean \"console\"",
        "put the id after '#'",
    ] {
        assert!(finished.stdout.contains(expected), "{}", finished.stdout);
    }
    assert!(!finished.stdout.contains("tr0ub4dor"));
}

#[test]
fn explain_shows_every_store_and_rule_of_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        &path,
        format!(
            "[[stores]]\nname = \"first\"\nurl = \"memory:\"\n\
             [[stores]]\nname = \"second\"\nurl = \"{SESSIONS}\"\n\
             [policy.client_networks]\nunknown_client = \"deny\"\n\
             sessions = {{ console = [\"192.0.2.0/24\"] }}\n\
             labels = {{ \"project=bridge\" = [\"203.0.113.0/24\"] }}\n\
             load_balancers = [\"192.0.2.128/28\"]\ndefault = [\"198.51.100.0/24\"]\n"
        ),
    )
    .unwrap();
    for (session, client_ip, reason) in [
        ("console", Some("192.0.2.7"), None),
        ("console", Some("198.51.100.7"), Some("denied")),
        ("console", Some("192.0.2.129"), Some("denied")),
        ("console", None, Some("denied")),
        ("ann's workstation", Some("203.0.113.7"), None),
        ("ann's workstation", Some("192.0.2.7"), Some("denied")),
        ("i-0abc", Some("198.51.100.7"), None),
        ("i-0abc", Some("192.0.2.7"), Some("denied")),
    ] {
        let mut arguments = vec!["explain", session, "--json"];
        arguments.extend(["--config", path.to_str().unwrap()]);
        if let Some(client_ip) = client_ip {
            arguments.extend(["--client-ip", client_ip]);
        }
        let finished = run(&arguments);
        let explanation: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        let outcome = reason.map_or("found", |_| "not_found");
        assert_eq!(explanation["outcome"], outcome, "{session} {client_ip:?}");
        assert_eq!(explanation["reason"].as_str(), reason, "{explanation}");
        assert_eq!(finished.exit_code, Some(i32::from(reason.is_some())));
        let stores: Vec<_> = (explanation["stores"].as_array().unwrap().iter())
            .map(|it| {
                (
                    it["store"].as_str().unwrap(),
                    it["result"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(stores, [("first", "absent"), ("second", "holds")]);
    }
}

#[test]
fn explain_reports_an_invalid_id_in_one_line() {
    for session in ["", "https://gw.example:8443/?authToken=tr0ub4dor"] {
        let finished = run(&["explain", session, "--store", "memory:"]);
        assert_eq!(finished.exit_code, Some(2));
        assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
        assert!(
            !finished.stderr.contains("tr0ub4dor"),
            "{}",
            finished.stderr
        );
    }
}
