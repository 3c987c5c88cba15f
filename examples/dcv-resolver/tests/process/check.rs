//! `check --config`: everything that `serve` needs.

use crate::pki::{Ca, NAME, issue_server};
use crate::support::{Folder, run};

const TOKEN: &str = "0123456789-reader-tr0ub4dor-0123456789";

/// A configuration with everything in it.
fn whole() -> Folder {
    let folder = Folder::new(
        "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n\
         [[stores]]\nname = \"desktops\"\nurl = \"file:sessions.toml\"\ntime_budget_ms = 300\n\
         [tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\nclient_ca_file = \"ca.pem\"\n\
         [admin]\ntokens_file = \"tokens\"\nstore = \"agents\"\n\
         [callers]\nallowed_networks = [\"192.0.2.0/24\"]\n\
         [policy.client_networks]\nunknown_client = \"deny\"\n",
    );
    folder.write(
        "sessions.toml",
        "[sessions.console]\nhost = \"ws-1.dcv.example\"\nhttp_port = 8443\n",
    );
    folder.write("tokens", &format!("reader read-only {TOKEN}\n"));
    let ca = Ca::new("all");
    folder.write("ca.pem", &ca.pem);
    issue_server(&ca, &folder, &[NAME]);
    folder
}

#[test]
fn check_prints_one_line_for_each_check() {
    let finished = whole().run("check");
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    for line in [
        "ok    TLS: for resolver.example; ECDSA key; until ",
        "warn  TLS: the certificate's key is ECDSA: ",
        "ok    client CAs: 1, the first until ",
        "ok    admin API: for store agents, 1 token",
        "ok    store agents: memory: answers",
        "ok    store desktops: ",
        "ok    callers: from 192.0.2.0/24",
        "ok    client networks: ",
    ] {
        let lines = finished.stdout.lines();
        let count = lines.filter(|it| it.starts_with(line)).count();
        assert_eq!(count, 1, "{line}: {}", finished.stdout);
    }
    assert!(!finished.stdout.contains("tr0ub4dor"));
}

#[test]
fn check_reports_every_failure() {
    let folder = whole();
    folder.write("key.pem", "tr0ub4dor, no key");
    folder.write("tokens", "reader read-only tr0ub4dor\n");
    folder.write("sessions.toml", "[sessions.console]\nhost = 1\n");
    let finished = folder.run("check");
    assert_eq!(finished.exit_code, Some(1));
    for (line, reason) in [
        ("FAIL  TLS: ", "key.pem"),
        ("FAIL  admin API: ", "tokens"),
        ("FAIL  store desktops: ", "sessions.toml"),
    ] {
        let mut lines = finished.stdout.lines();
        let found = lines.find(|it| it.starts_with(line));
        let found = found.unwrap_or_else(|| panic!("{line}: {}", finished.stdout));
        assert!(
            found.contains(reason) || finished.stdout.contains(reason),
            "{found}"
        );
    }
    assert!(finished.stderr.contains("3 of "), "{}", finished.stderr);
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains("tr0ub4dor"));
    }
}

#[test]
fn check_warns_of_a_pattern_that_leads_to_any_host() {
    let folder = Folder::new("[[stores]]\nname = \"desktops\"\nurl = \"file:sessions.toml\"\n");
    folder.write(
        "sessions.toml",
        "[[patterns]]\nmatch = '(?<host>.*)'\nhost = '{host}'\nhttp_port = 8443\n",
    );
    let finished = folder.run("check");
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    let warning = "sessions.toml:1: with host \"{host}\" and match \"(?<host>.*)\", a client can reach any host";
    let mut lines = finished.stdout.lines();
    let line = lines.find(|line| line.starts_with("warn  store desktops: "));
    assert!(line.unwrap().contains(warning), "{}", finished.stdout);
    let url = format!("file:{}", folder.path("sessions.toml").display());
    let finished = run(&["check", "--store", &url]);
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
}
