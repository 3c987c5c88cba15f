//! The operators' listener: TLS, and no tokens in plaintext beyond loopback.

use std::process::Command;

use crate::pki::{Ca, NAME, issue_gateway, issue_server};
use crate::support::{Finished, Folder, Serving, wait_until};

const STORE: &str = "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n";
const ADMIN: &str = "[admin]\ntokens_file = \"tokens\"\n";
const TOKEN: &str = "tr0ub4dor-aaaaaaaaaaaaaaaaaaaaaaaaaa";

fn folder(ca: &Ca, config: &str) -> Folder {
    let folder = Folder::new(&format!("{config}{STORE}"));
    folder.write("ca.pem", &ca.pem);
    issue_server(ca, &folder, &[NAME]);
    issue_gateway(ca, &folder);
    folder.write("tokens", &format!("agents read-write {TOKEN}\n"));
    folder
}

/// Asks the operators' listener as an agent does; with a certificate, if it
/// shows one.
fn curl(folder: &Folder, serving: &Serving, path: &str, shows_certificate: bool) -> Finished {
    let port = serving.ops().port();
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--max-time",
        "30",
        "--noproxy",
        "*",
    ])
    .args(["--header", &format!("authorization: Bearer {TOKEN}")])
    .args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")])
    .arg("--cacert")
    .arg(folder.path("ca.pem"))
    .arg(format!("https://{NAME}:{port}{path}"));
    if shows_certificate {
        curl.arg("--cert").arg(folder.path("gateway-cert.pem"));
        curl.arg("--key").arg(folder.path("gateway-key.pem"));
    }
    curl.output().unwrap().into()
}

#[test]
fn operators_are_served_over_tls_with_client_certificates() {
    let tls = "[ops.tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\nclient_ca_file = \"ca.pem\"\n";
    let ca = Ca::new("all");
    let folder = folder(&ca, &format!("{tls}{ADMIN}"));
    let serving = folder.serve();
    let metrics = || curl(&folder, &serving, "/metrics", true).stdout;
    let sessions = curl(&folder, &serving, "/v1/sessions", true);
    assert!(
        sessions.stdout.contains("sessions"),
        "{}{}",
        sessions.stdout,
        sessions.stderr
    );
    let refused = curl(&folder, &serving, "/livez", false);
    assert_ne!(refused.exit_code, Some(0), "{}", refused.stdout);
    for certificate in ["ops_server", "ops_client_ca"] {
        let sample =
            format!("certificate_expiry_timestamp_seconds{{certificate=\"{certificate}\"}}");
        assert!(metrics().contains(&sample), "{}", metrics());
    }
    issue_server(&ca, &folder, &[NAME, "other.example"]);
    wait_until("the new certificate is used", || {
        metrics().contains("reloads_total{what=\"ops_tls\",result=\"ok\"} 1")
    });
    serving.stop();
}

#[test]
fn check_warns_about_old_gateways_only_where_gateways_connect() {
    let files = "certificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";
    let ca = Ca::new("all");
    let folder = folder(&ca, &format!("[tls]\n{files}[ops.tls]\n{files}"));
    let checked = folder.run("check").stdout;
    let warnings: Vec<_> = checked
        .lines()
        .filter(|line| line.contains("gateways before"))
        .collect();
    assert_eq!(warnings.len(), 1, "{checked}");
    assert!(!warnings[0].contains("operators' TLS"), "{checked}");
}

#[test]
fn admin_api_in_plaintext_needs_loopback_or_a_clear_word() {
    let tls = "[ops.tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";
    let ca = Ca::new("all");
    let refusal = |address: &str| {
        format!(
            "the admin API at {address} would receive its tokens in plaintext; add [ops.tls], set `ops.listen` to 127.0.0.1, or set `admin.allow_plaintext = true` if something else encrypts"
        )
    };
    for (config, address, is_refused) in [
        (ADMIN, "0.0.0.0:9001", true),
        (ADMIN, "[::]:9001", true),
        (ADMIN, "192.0.2.7:9001", true),
        (ADMIN, "127.0.0.1:9001", false),
        (ADMIN, "127.9.9.9:9001", false),
        (ADMIN, "[::1]:9001", false),
        ("", "0.0.0.0:9001", false),
        (
            &format!("{ADMIN}allow_plaintext = true\n"),
            "0.0.0.0:9001",
            false,
        ),
        (&format!("{tls}{ADMIN}"), "0.0.0.0:9001", false),
    ] {
        let folder = folder(&ca, config);
        let mut check = folder.command(&["check", "--ops-listen", address]);
        let checked = Finished::from(check.output().unwrap());
        assert_eq!(
            checked.stderr.contains(&refusal(address)),
            is_refused,
            "{config} {address}: {}",
            checked.stderr
        );
        if is_refused {
            let mut serve = folder.command(&["serve", "--ops-listen", address]);
            let served = Finished::from(serve.output().unwrap());
            assert_eq!(served.exit_code, Some(2));
            assert!(
                served.stderr.contains(&refusal(address)),
                "{}",
                served.stderr
            );
        }
    }
}

/// What counts at a reload is the listener that is open, not the one that the
/// configuration names.
#[test]
fn reload_does_not_open_the_admin_api_in_plaintext() {
    let folder = folder(&Ca::new("all"), "");
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env_remove("DCV_RESOLVER_OPS_LISTEN");
    folder.write(
        "resolver.toml",
        &format!("ops.listen = \"0.0.0.0:0\"\n{STORE}"),
    );
    let serving = Serving::spawn(command);
    serving.change("config", "failed", || {
        folder.write(
            "resolver.toml",
            &format!("ops.listen = \"127.0.0.1:0\"\n{ADMIN}{STORE}"),
        );
        serving.signal("HUP");
    });
    let log = serving.stop().stderr;
    assert!(
        log.contains("would receive its tokens in plaintext"),
        "{log}"
    );
    assert!(log.contains("need a restart"), "{log}");
}
