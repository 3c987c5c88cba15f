//! `gateway-config`: the gateway's section for a configuration.

use std::fs;

use toml::Table;

use crate::pki::{Ca, issue_server};
use crate::support::{Finished, Folder, dcv_resolver, run};

/// The `[resolver]` section for a configuration, read back.
fn resolver(config: &str) -> Table {
    let finished = gateway_config(config, "resolver.example");
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    let mut document: Table = finished.stdout.parse().unwrap();
    let Some(toml::Value::Table(resolver)) = document.remove("resolver") else {
        panic!("there is no [resolver]: {}", finished.stdout);
    };
    assert!(document.is_empty(), "{}", finished.stdout);
    resolver
}

fn gateway_config(config: &str, host: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resolver.toml");
    fs::write(
        &path,
        format!("{config}\n[[stores]]\nname = \"a\"\nurl = \"memory:\"\n"),
    )
    .unwrap();
    let mut command = dcv_resolver(&["gateway-config", "--url-host", host]);
    command.arg("--config").arg(path).output().unwrap().into()
}

fn keys(table: &Table) -> Vec<&str> {
    table.keys().map(String::as_str).collect()
}

#[test]
fn plain_resolver_is_one_url() {
    let section = resolver("listen = \"0.0.0.0:9010\"");
    assert_eq!(keys(&section), ["url"]);
    assert_eq!(
        section["url"].as_str(),
        Some("http://resolver.example:9010")
    );
}

#[test]
fn resolver_with_tls_is_https() {
    let section = resolver("[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"");
    assert_eq!(keys(&section), ["url"]);
    assert_eq!(
        section["url"].as_str(),
        Some("https://resolver.example:9000")
    );
}

#[test]
fn resolver_with_client_ca_has_the_gateways_certificate() {
    let section =
        resolver("[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"\nclient_ca_file = \"ca\"");
    assert_eq!(keys(&section), ["cert-file", "cert-key-file", "url"]);
}

#[test]
fn ca_file_of_the_gateway_is_printed_and_needs_tls() {
    let tls = "[tls]\ncertificate_file = \"c\"\nkey_file = \"k\"\n";
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"a\"\nurl = \"memory:\"\n{tls}"
    ));
    let flags = [
        "--url-host",
        "resolver.example",
        "--ca-file",
        "/etc/a \"b\".pem",
    ];
    let mut command = folder.command(&[&["gateway-config"], &flags[..]].concat());
    let finished = Finished::from(command.output().unwrap());
    let section: Table = finished.stdout.parse().unwrap();
    let ca_file = section["resolver"]["ca-file"].as_str();
    assert_eq!(ca_file, Some("/etc/a \"b\".pem"), "{}", finished.stdout);

    let plain = run(&[&["gateway-config", "--store", "memory:"], &flags[..]].concat());
    assert_eq!(plain.exit_code, Some(2));
    assert!(plain.stderr.contains("--ca-file"), "{}", plain.stderr);
}

#[test]
fn section_names_the_other_settings_that_matter() {
    let text = gateway_config("", "resolver.example").stdout;
    for word in [
        "[web-resources]",
        "quic-listen-endpoints",
        "loopback",
        "systemctl reload",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let text = gateway_config("listen = \"0.0.0.0:9000\"", "resolver.example").stdout;
    assert!(!text.contains("loopback"), "{text}");
}

#[test]
fn address_as_url_host_is_refused() {
    for (host, expected) in [
        (
            "192.0.2.7",
            "--url-host is the address \"192.0.2.7\"; the gateway accepts only a domain name",
        ),
        ("2001:db8::7", "--url-host is the address"),
        ("[2001:db8::7]", "--url-host is the address"),
        (
            "resolver.example:9000",
            "the port has a field of its own; the gateway accepts only a domain name",
        ),
        (
            "http://resolver.example",
            "without the scheme; the gateway accepts only a domain name",
        ),
        (
            "",
            "must not be empty; the gateway accepts only a domain name",
        ),
    ] {
        let finished = gateway_config("", host);
        assert_eq!(finished.exit_code, Some(2), "{host}");
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn port_0_is_refused() {
    let finished = run(&[
        "gateway-config",
        "--url-host",
        "resolver.example",
        "--store",
        "memory:",
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(finished.exit_code, Some(2));
    assert!(
        finished.stderr.contains("has port 0"),
        "{}",
        finished.stderr
    );
}

/// What it prints without `--url-host`, over a certificate for `names`.
fn of_certificate(names: &[&str]) -> Finished {
    let folder = Folder::new(
        "[[stores]]\nname = \"a\"\nurl = \"memory:\"\n[tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n",
    );
    issue_server(&Ca::new("all"), &folder, names);
    folder.run("gateway-config")
}

#[test]
fn host_is_the_first_name_of_the_certificate_that_is_no_wildcard() {
    let names = ["192.0.2.7", "*.dcv.example", "a.dcv.example", "b.example"];
    let finished = of_certificate(&names);
    assert!(
        finished
            .stdout
            .contains("\nurl = \"https://a.dcv.example:9000\"\n"),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
}

#[test]
fn url_host_is_required_without_a_name_in_a_certificate() {
    let plain = run(&["gateway-config", "--store", "memory:"]);
    let nameless = of_certificate(&["192.0.2.7"]);
    let folder = Folder::new(
        "[[stores]]\nname = \"a\"\nurl = \"memory:\"\n[tls]\ncertificate_file = \"none\"\nkey_file = \"none\"\n",
    );
    let unreadable = folder.run("gateway-config");
    for (finished, why) in [
        (plain, "without TLS"),
        (nameless, "no domain name except wildcards"),
        (unreadable, "none"),
    ] {
        assert_eq!(finished.exit_code, Some(2));
        assert_eq!(finished.stdout, "");
        assert!(finished.stderr.contains(why), "{}", finished.stderr);
        assert!(
            finished.stderr.ends_with("; give --url-host NAME\n"),
            "{}",
            finished.stderr
        );
    }
}
