//! `examples/deploy`: what the binary must make of the files there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::cache::{Database, TARGET, wait_until_hit};
use crate::client::ask;
use crate::dcv_server::DcvServer;
use crate::pki::{Ca, issue_server};
use crate::support::{Folder, Serving, dcv_resolver, run, wait_until};

const BINARY: &str = "/usr/local/bin/dcv-resolver";

fn deployed(path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    fs::read_to_string(folder.join(path)).unwrap()
}

/// The value of the first line that begins with `key`.
fn line(text: &str, key: &str) -> String {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(key));
    lines.next().unwrap().to_owned()
}

/// The ConfigMap: file names and what is in the files.
fn config_map() -> Value {
    deployed("kubernetes/dcv-resolver.yaml")
        .split("\n---\n")
        .map(|document| yaml_serde::from_str::<Value>(document).unwrap())
        .find(|object| object["kind"] == "ConfigMap")
        .unwrap()["data"]
        .take()
}

/// Each is `BINARY` with arguments; `--help` at their end shows that all before
/// it were understood.
#[test]
fn commands_of_unit_and_image_are_valid() {
    let unit = |name| {
        let start = line(&deployed(&format!("systemd/{name}.service")), "ExecStart=");
        // systemd replaces it by the name of the machine.
        let start = start.replace("%H", "ws-17");
        start.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let containerfile = deployed("Containerfile");
    let list = |instruction| -> Vec<String> {
        serde_json::from_str(&line(&containerfile, instruction)).unwrap()
    };
    let image = [list("ENTRYPOINT "), list("CMD ")].concat();
    for command in [unit("dcv-resolver"), unit("dcv-resolver-agent"), image] {
        let (binary, arguments) = command.split_first().unwrap();
        assert_eq!(binary, BINARY);
        let output = dcv_resolver(&[])
            .args(arguments)
            .arg("--help")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {stderr}");
    }
}

#[test]
fn deployed_configurations_are_valid() {
    let map = config_map();
    let file = |name: &str| map[name].as_str().unwrap().to_owned();
    for (config, sessions) in [
        (file("dcv-resolver.toml"), file("sessions.toml")),
        (
            deployed("systemd/dcv-resolver.toml"),
            deployed("../sessions.toml"),
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("dcv-resolver.toml");
        fs::write(&path, &config).unwrap();
        fs::write(folder.path().join("sessions.toml"), sessions).unwrap();
        let finished = run(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(finished.exit_code, Some(0), "{config}\n{}", finished.stderr);
    }
}

/// The image holds these libraries and no others.
#[test]
fn image_has_every_library_that_the_binary_needs() {
    let output = Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_dcv-resolver"))
        .output()
        .unwrap();
    let libraries = String::from_utf8(output.stdout).unwrap();
    for library in libraries.lines() {
        let name = library.split_whitespace().next().unwrap();
        let name = name.rsplit('/').next().unwrap();
        let prefix = name.split(['.', '-']).next().unwrap();
        assert!(
            ["linux", "ld", "libc", "libm", "libgcc_s"].contains(&prefix),
            "{library}"
        );
    }
}

/// The names of what is shown after one of everything.
fn shown_metrics() -> BTreeSet<String> {
    let sessions = concat!(env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");
    let folder = Folder::new(&format!(
        "[[stores]]\nname = \"desktops\"\nurl = \"file:{sessions}\"\n\
         [[stores]]\nname = \"agents\"\nurl = \"memory:\"\n\
         [admin]\ntokens_file = \"tokens\"\nstore = \"agents\"\n\
         [tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n"
    ));
    issue_server(&Ca::new("all"), &folder, &["resolver.example"]);
    folder.write(
        "tokens",
        "reader read-only 0123456789-reader-tr0ub4dor-0123456789\n",
    );
    let serving = folder.serve();
    serving.change("config", "ok", || {
        serving.signal("HUP");
    });
    assert_eq!(ask(serving.ops(), "GET /v1/sessions").status, 401);
    let mut shown = names(&serving);
    shown.extend(shown_in_an_outage());
    let server = DcvServer::new("ws-17.dcv.example");
    let store = format!("sqlite:{}", server.path("sessions.db").display());
    shown.extend(names(&server.start(&["--store", &store])));
    shown
}

/// The names of what is shown where a cache stands in for a store, before it
/// fails and after.
fn shown_in_an_outage() -> BTreeSet<String> {
    let database = Database::new("cache.stale_if_error_ms = 600000\n");
    let serving = database.0.serve();
    wait_until_hit(&serving);
    let followed = names(&serving);
    fs::remove_file(database.0.path("sessions.db")).unwrap();
    wait_until("the cache stands in", || {
        assert!(serving.post(TARGET).starts_with("HTTP/1.1 200 "));
        names(&serving).contains("dcv_resolver_stale_answer_age_seconds_count")
    });
    &followed | &names(&serving)
}

fn names(serving: &Serving) -> BTreeSet<String> {
    let metrics = ask(serving.ops(), "GET /metrics").body;
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.split(['{', ' ']).next().unwrap().to_owned())
        .collect()
}

/// `tests/deploy` compares dashboard and alerts with the metrics in detail, and
/// this with what the binary shows.
#[test]
fn binary_has_every_metric_of_dashboard_and_alerts() {
    let shown = shown_metrics();
    let texts = [
        deployed("grafana/dcv-resolver.json"),
        deployed("prometheus/alerts.yaml"),
    ]
    .concat();
    let asked: BTreeSet<_> = texts
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("dcv_resolver_"))
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = asked.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?} of {shown:?}");
    assert!(asked.len() > 10);
}
