//! A chapter that is followed line by line.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dcv_resolver_test_support::pki::Ca;
use dcv_resolver_test_support::pki::rcgen::ExtendedKeyUsagePurpose;
use dcv_resolver_tests::repository::in_repository;

use crate::chapter::read;
use crate::expectation::{Step, is_printed, steps};
use crate::file::{apply, edit};
use crate::place::Place;
use crate::shell::Shell;

/// The chapters that [`follow`] is called for.
pub(crate) const COMMANDS: [&str; 7] = [
    "ten-minutes.md",
    "replace-the-broker.md",
    "run-it.md",
    "write-a-backend.md",
    "write-a-policy.md",
    "embed-it.md",
    "unit-test-it.md",
];

/// How long a command is repeated until it prints what it should: a program that
/// was started in the background may not listen yet.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes the files of a chapter and runs its commands, in their order, from a
/// folder of the place.
fn follow(chapter: &str, place: &Place, folder: &str) {
    assert!(COMMANDS.contains(&chapter));
    let folder = place.path(folder);
    fs::create_dir_all(&folder).unwrap();
    let mut shell = Shell::start(&folder, place);
    for block in read(chapter) {
        match &*block.kind {
            "console" => {
                for step in steps(&place.localized(&block.text)) {
                    run(&mut shell, &step, &format!("{chapter}:{}", block.line));
                }
            }
            "toml" | "json" => {
                let (edit, name) = edit(&block);
                let folder = shell.run("pwd").text;
                let path = place.path(folder.trim()).join(place.localized(name));
                apply(&edit, &path, &place.localized(&block.text));
            }
            _ => {}
        }
    }
}

fn run(shell: &mut Shell, step: &Step, at: &str) {
    let started = Instant::now();
    loop {
        let printed = shell.run(&step.command);
        let is_as_expected = match step.output.is_empty() {
            true => printed.has_succeeded,
            false => is_printed(&step.output, &printed.text),
        };
        if is_as_expected {
            return;
        }
        if started.elapsed() > PATIENCE {
            let Step { command, output } = step;
            let (text, logs) = (printed.text, shell.run("tail *.log").text);
            panic!("{at}: {command}\nprinted:\n{text}\nexpected:\n{output}\nlogs:\n{logs}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program that runs before a chapter begins, until it is dropped.
struct Running(Child);

impl Running {
    fn start(place: &Place, program: &str, arguments: &str) -> Self {
        let arguments = place.localized(arguments);
        let child = Command::new(place.path("programs").join(program))
            .args(arguments.split(' '))
            .current_dir(place.path("before"))
            .env("DCV_RESOLVER_OPS_LISTEN", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// What a site has before a chapter begins: certificates, a DCV server, and its
/// command `dcv`.
fn site() -> (Place, Running) {
    let place = Place::new();
    let path = |path: &str| place.path(path);
    for folder in ["before", "work", "var/lib", "etc/dcv-connection-gateway"] {
        fs::create_dir_all(path(folder)).unwrap();
    }
    let ca = Ca::new("a site");
    for file in ["ca.pem", "broker-ca.pem"] {
        for folder in ["before", "work"] {
            fs::write(path(folder).join(file), &ca.pem).unwrap();
        }
    }
    for (name, purpose) in [
        ("tls", ExtendedKeyUsagePurpose::ServerAuth),
        ("ws-17", ExtendedKeyUsagePurpose::ServerAuth),
        ("gateway", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let pair = ca.issue(&["localhost"], |params| {
            params.extended_key_usages = vec![purpose];
        });
        for folder in ["before", "work", "etc/dcv-connection-gateway"] {
            let folder = path(folder);
            fs::write(folder.join(format!("{name}.pem")), &pair.certificate).unwrap();
            fs::write(folder.join(format!("{name}-key.pem")), &pair.key).unwrap();
        }
    }
    let server = Running::start(
        &place,
        "stand_ins",
        "dcv-server ws-17 --listen 127.0.0.1:8444 --certificates . \
         --command-folder ../programs --session console=ann",
    );
    (place, server)
}

#[test]
#[ignore = "needs the ready binary, the stand-ins and curl"]
fn ten_minutes() {
    let place = Place::new();
    // The gateway that the reader has.
    let configuration = place.path("etc/dcv-connection-gateway/dcv-connection-gateway.conf");
    fs::create_dir_all(configuration.parent().unwrap()).unwrap();
    fs::copy(
        in_repository("examples/gateway/dcv-connection-gateway.conf"),
        configuration,
    )
    .unwrap();
    follow("ten-minutes.md", &place, "dcv-resolver");
}

#[test]
#[ignore = "needs the ready binary, the stand-ins and curl"]
fn replace_the_broker() {
    let (place, _server) = site();
    let write = |path: &str, text: &str| {
        fs::write(place.path(path), place.localized(text)).unwrap();
    };
    // The broker is played by another resolver, which demands client certificates.
    write(
        "before/broker.toml",
        "listen = \"127.0.0.1:8447\"\n[[stores]]\nname = \"all\"\nurl = \"file:sessions.toml\"\n\
         [tls]\ncertificate_file = \"tls.pem\"\nkey_file = \"tls-key.pem\"\n\
         client_ca_file = \"ca.pem\"\n",
    );
    write(
        "before/sessions.toml",
        "[sessions.console]\nhost = \"localhost\"\nhttp_port = 8443\n",
    );
    // What the API of the broker returns, which a resolver does not have.
    write(
        "work/sessions.json",
        r#"{"Sessions": [{"Id": "console", "State": "READY", "Server": {"Id": "1"}},
            {"Id": "left-behind", "State": "READY", "Server": {"Id": "1"}}]}"#,
    );
    write(
        "work/servers.json",
        r#"{"Servers": [{"Id": "1", "DefaultDnsName": "ws-17.dcv.example",
            "Endpoints": [{"Protocol": "HTTP", "Port": 8443}]}]}"#,
    );
    let _broker = Running::start(&place, "dcv-resolver", "serve --config broker.toml");
    write(
        "etc/dcv-connection-gateway/dcv-connection-gateway.conf",
        "[gateway]\nweb-listen-endpoints = ['127.0.0.1:8443']\n\
         [resolver]\nurl = 'https://broker.example:8447'\nca-file = 'ca.pem'\n\
         cert-file = 'gateway.pem'\ncert-key-file = 'gateway-key.pem'\n\
         [dcv]\nca-file = 'ca.pem'\n\
         [web-resources]\nlocal-resources-path = '.'\n",
    );
    fs::copy(
        place.path("before/ca.pem"),
        place.path("etc/dcv-connection-gateway/ca.pem"),
    )
    .unwrap();
    follow("replace-the-broker.md", &place, "work");
}

#[test]
#[ignore = "needs the ready binary, the stand-ins, curl, openssl and promtool"]
fn run_it() {
    follow("run-it.md", &Place::new(), "work");
}

#[test]
#[ignore = "needs the examples, curl and PostgreSQL"]
fn write_a_backend() {
    follow("write-a-backend.md", &Place::new(), "dcv-resolver");
}

#[test]
#[ignore = "needs the examples"]
fn write_a_policy() {
    follow("write-a-policy.md", &Place::new(), "dcv-resolver");
}

#[test]
#[ignore = "needs the examples and curl"]
fn embed_it() {
    follow("embed-it.md", &Place::new(), "dcv-resolver");
}

#[test]
#[ignore = "needs the examples"]
fn unit_test_it() {
    follow("unit-test-it.md", &Place::new(), "dcv-resolver");
}
