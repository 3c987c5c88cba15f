//! `doctor contract`: our own resolver breaks nothing.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Finished, Folder, Serving, run};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");

fn check(address: SocketAddr, session: &str, more: &[&str]) -> Finished {
    let url = format!("http://{address}");
    let all = ["doctor", "contract", "--resolver-url", &url];
    run(&[&all[..], &["--known-session", session], more].concat())
}

#[test]
fn own_resolver_breaks_no_rule() {
    let serving = Serving::start(&["--store", SESSIONS]);
    // The second one does not offer QUIC.
    for session in ["console", "i-0abc", "ann's workstation"] {
        let finished = check(serving.address, session, &[]);
        assert_eq!(finished.stderr, "");
        assert!(
            finished.stdout.starts_with("no rule is broken in "),
            "{}",
            finished.stdout
        );
        assert_eq!(finished.exit_code, Some(0));
    }
    serving.stop();
}

#[test]
fn resolver_that_does_not_know_the_session_cannot_be_checked() {
    // The operators' listener is not a resolver: it knows no such path.
    let serving = Serving::start(&["--store", SESSIONS]);
    let finished = check(serving.ops(), "console", &[]);
    assert_eq!(finished.exit_code, Some(2), "{}", finished.stdout);
    assert!(
        finished.stderr.contains("give the id of a live session"),
        "{}",
        finished.stderr
    );
    serving.stop();
}

#[test]
fn address_of_the_client_is_that_of_the_option() {
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
    let policy = "[policy.client_networks]\nunknown_client = \"allow\"\nsessions = { console = [\"198.51.100.0/24\"] }\n";
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"desktops\"\nurl = \"file:{sessions}\"\n{policy}"
    ));
    let serving = folder.serve();
    let refused = check(serving.address, "console", &[]);
    assert_eq!(refused.exit_code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("a policy"), "{}", refused.stderr);
    // Other addresses are still refused.
    let allowed = check(serving.address, "console", &["--client-ip", "198.51.100.7"]);
    assert_eq!(allowed.exit_code, Some(1), "{}", allowed.stderr);
    let rule = "MUST    client_ip_v6";
    assert!(allowed.stdout.starts_with(rule), "{}", allowed.stdout);
    serving.stop();
}

#[test]
fn report_of_the_contract_is_json_for_programs() {
    let serving = Serving::start(&["--store", SESSIONS]);
    let finished = check(serving.address, "console", &["--json"]);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["broken"].as_array().map(Vec::len), Some(0));
    assert!(report["requests"].as_u64() > Some(30));
    serving.stop();
}
