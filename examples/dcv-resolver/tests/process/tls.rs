//! TLS end to end: curl as the gateway, and certificates that change.

use std::net::TcpListener;
use std::process::Command;

use crate::pki::{Ca, NAME, issue_gateway, issue_server, issue_server_until};
use crate::support::{Finished, Folder, Serving, wait_until};

const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
const TLS: &str = "[tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";

/// A resolver with a certificate of `ca`, which callers must have one of too.
fn mutual(ca: &Ca) -> Folder {
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n{TLS}client_ca_file = \"ca.pem\"\n"
    ));
    folder.write("ca.pem", &ca.pem);
    issue_server(ca, &folder, &[NAME]);
    issue_gateway(ca, &folder);
    folder
}

/// Asks as a gateway does; with its certificate, if it shows one.
fn curl(folder: &Folder, serving: &Serving, shows_certificate: bool) -> Finished {
    let port = serving.address.port();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "30"])
        .args(["--request", "POST", "--noproxy", "*"])
        .arg("--resolve")
        .arg(format!("{NAME}:{port}:127.0.0.1"))
        .arg("--cacert")
        .arg(folder.path("ca.pem"))
        .arg(format!(
            "https://{NAME}:{port}/resolveSession?sessionId=console"
        ));
    if shows_certificate {
        curl.arg("--cert").arg(folder.path("gateway-cert.pem"));
        curl.arg("--key").arg(folder.path("gateway-key.pem"));
    }
    curl.output().unwrap().into()
}

#[test]
fn gateway_without_a_client_certificate_is_refused() {
    let folder = mutual(&Ca::new("all"));
    let serving = folder.serve();
    let answered = curl(&folder, &serving, true);
    assert!(
        answered.stdout.contains("ws-17.dcv.example"),
        "{}",
        answered.stderr
    );
    let refused = curl(&folder, &serving, false);
    assert_ne!(refused.exit_code, Some(0), "{}", refused.stdout);
    wait_until("the refusal is counted", || {
        let failed = "dcv_resolver_tls_handshakes_failed_total{listener=\"gateways\",cause=\"no_client_certificate\"}";
        serving.metric(failed) == Some(1.0)
    });
    for certificate in ["server", "client_ca"] {
        let sample = format!(
            "dcv_resolver_certificate_expiry_timestamp_seconds{{certificate=\"{certificate}\"}}"
        );
        assert!(serving.metric(&sample).is_some_and(|at| at > 0.0));
    }
    serving.stop();
}

#[test]
fn serve_logs_the_certificate_and_its_warnings() {
    let ca = Ca::new("all");
    let folder = mutual(&ca);
    issue_server(&ca, &folder, &["127.0.0.1"]);
    // It exits after the log, since it cannot listen.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = folder.command(&["serve", "--listen", &address]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8(output.stderr).unwrap();
    for text in [
        "for 127.0.0.1; ECDSA key; until ",
        "\"client_cas\":1",
        "the certificate has no DNS name",
        "gateways before 2024.0-777",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert!(!log.contains("tr0ub4dor"), "a key was logged");
}

#[test]
fn replaced_certificate_is_served_and_an_invalid_one_ignored() {
    let ca = Ca::new("all");
    let folder = mutual(&ca);
    let serving = folder.serve();
    assert_eq!(curl(&folder, &serving, true).exit_code, Some(0));

    serving.change("tls", "ok", || {
        issue_server_until(&ca, 2099, &folder, &["other.example", NAME]);
    });
    let expiry = "dcv_resolver_certificate_expiry_timestamp_seconds{certificate=\"server\"}";
    assert_eq!(serving.metric(expiry), Some(4_070_908_800.0));
    assert_eq!(curl(&folder, &serving, true).exit_code, Some(0));

    serving.change("tls", "failed", || {
        folder.write("cert.pem", "no certificate");
    });
    let answered = curl(&folder, &serving, true);
    assert_eq!(answered.exit_code, Some(0), "{}", answered.stderr);
    serving.stop();
}

#[test]
fn changed_tls_section_needs_a_restart() {
    let ca = Ca::new("all");
    let folder = mutual(&ca);
    let serving = folder.serve();
    folder.write(
        "resolver.toml",
        &format!("[[stores]]\nname = \"desktops\"\nurl = \"{SESSIONS}\"\n"),
    );
    serving.change("config", "ok", || {
        serving.signal("HUP");
    });
    assert_eq!(curl(&folder, &serving, true).exit_code, Some(0));
    let log = serving.stop().stderr;
    assert!(log.contains("\"keys\":\"tls\""), "{log}");
}

#[test]
fn invalid_tls_file_is_reported_at_the_start() {
    let folder = mutual(&Ca::new("all"));
    folder.write("key.pem", "tr0ub4dor, no key");
    let finished = folder.run("serve");
    assert_eq!(finished.exit_code, Some(2));
    assert!(finished.stderr.contains("key.pem"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("tr0ub4dor"));
}
