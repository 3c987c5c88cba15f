//! Another resolver as a store: a migration, and its commands.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::client::{Answer, ask};
use crate::pki::{Ca, issue_gateway, issue_server};
use crate::support::{Folder, Serving, run, wait_until};

/// "tr0ub4dor" in hexadecimal digits.
const LEASE: &str = "747230756234646f7200000000000000";
const SESSIONS: &str = concat!("file:", env!("CARGO_MANIFEST_DIR"), "/../sessions.toml");

/// A database in a folder.
struct Database<'a>(&'a Folder);

impl Database<'_> {
    fn url(&self) -> String {
        format!("sqlite:{}", self.0.path("sessions.db").display())
    }

    fn run(&self, arguments: &[&str]) {
        let store = self.url();
        let finished = run(&[arguments, &["--store", &store, "--token", LEASE]].concat());
        assert_eq!(finished.exit_code, Some(0), "{}", finished.stderr);
    }

    fn register(&self, id: &str, host: &str) {
        self.run(&[
            "register",
            id,
            "--host",
            host,
            "--http-port",
            "8443",
            "--quic-port",
            "8444",
            "--never-expires",
        ]);
    }

    fn deregister(&self, id: &str) {
        self.run(&["deregister", id]);
    }
}

fn resolve(address: SocketAddr, id: &str) -> Answer {
    ask(address, &format!("POST /resolveSession?sessionId={id}"))
}

fn host(answer: &Answer) -> String {
    answer.json()["DcvServerEndpoint"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Starts a broker with mutual TLS in `folder`, and returns its URL.
fn start_broker(ca: &Ca, folder: &Folder) -> (Serving, String) {
    issue_server(ca, folder, &["localhost"]);
    folder.write("ca.pem", &ca.pem);
    let broker = folder.serve();
    let url = format!("https://localhost:{}", broker.address.port());
    (broker, url)
}

const BROKER: &str = "[[stores]]\nname = \"all\"\nurl = \"sqlite:sessions.db\"\n\
    [tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\nclient_ca_file = \"ca.pem\"\n";

/// The own database, and after it the broker.
fn config(broker: &str) -> String {
    format!(
        "[[stores]]\nname = \"own\"\nurl = \"sqlite:sessions.db\"\n\
         [[stores]]\nname = \"broker\"\nurl = \"{broker}\"\n\
         [stores.cache]\nttl_ms = 50\nnegative_ttl_ms = 50\n\
         [stores.upstream]\nca_file = \"ca.pem\"\ncertificate_file = \"gateway-cert.pem\"\n\
         key_file = \"gateway-key.pem\"\nconnect_timeout_ms = 20000\nresponse_timeout_ms = 20000\n"
    )
}

#[test]
fn sessions_move_from_a_broker_and_no_request_fails() {
    const IDS: [&str; 4] = ["ann", "bob", "cid", "dee"];
    let ca = Ca::new("a CA");
    let folder = Folder::new(BROKER);
    let old = Database(&folder);
    for id in IDS {
        old.register(id, "old.dcv.example");
    }
    old.register("stays", "old.dcv.example");
    let (broker, url) = start_broker(&ca, &folder);

    let own_folder = Folder::new(&format!("time_budget_ms = 20000\n{}", config(&url)));
    own_folder.write("ca.pem", &ca.pem);
    issue_gateway(&ca, &own_folder);
    let own = Database(&own_folder);
    own.register("first", "new.dcv.example");
    let serving = own_folder.serve();
    assert!(own_folder.run("check").stdout.contains(&format!(
        "ok    store broker: upstream at {url} answers; cache of up to 256 MiB\n"
    )));

    let moved = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !moved.load(Ordering::Relaxed) {
                for id in IDS {
                    let answer = resolve(serving.address, id);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    asked += 1;
                }
            }
            asked
        });
        for id in IDS {
            assert_eq!(host(&resolve(serving.address, id)), "old.dcv.example");
            own.register(id, "new.dcv.example");
            wait_until("it is served from the own store", || {
                host(&resolve(serving.address, id)) == "new.dcv.example"
            });
            old.deregister(id);
        }
        moved.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    });
    assert_eq!(resolve(serving.address, "stays").status, 200);
    assert_eq!(resolve(serving.address, "eve").reason(), "unknown");

    // The broker goes down.
    broker.stop();
    wait_until("what was cached expires", || {
        resolve(serving.address, "stays").status == 503
    });
    assert_eq!(
        resolve(serving.address, "new").reason(),
        "store_unavailable"
    );
    for id in IDS {
        assert_eq!(host(&resolve(serving.address, id)), "new.dcv.example");
    }
}

#[test]
fn commands_ask_another_resolver_and_cannot_write_it() {
    let other = Serving::start(&["--store", SESSIONS]);
    let url = format!("http://{}", other.address);
    let command = |arguments: &[&str]| run(&[arguments, &["--store", &url]].concat());

    let resolved = command(&["resolve", "console"]);
    assert_eq!(resolved.exit_code, Some(0), "{}", resolved.stderr);
    assert!(resolved.stdout.contains("\"SessionId\":\"console\""));
    let unknown = command(&["resolve", "eve"]);
    assert_eq!(unknown.exit_code, Some(1));
    assert!(unknown.stderr.contains("not found (unknown)"));
    let explained = command(&["explain", "console"]);
    assert_eq!(explained.exit_code, Some(0), "{}", explained.stdout);
    assert!(
        explained.stdout.contains("upstream"),
        "{}",
        explained.stdout
    );
    let checked = command(&["check"]);
    assert_eq!(checked.exit_code, Some(0), "{}", checked.stdout);
    assert!(
        checked
            .stdout
            .contains(&format!("upstream at {url} answers"))
    );

    let listed = command(&["list"]);
    assert_eq!(listed.exit_code, Some(2));
    assert!(
        listed
            .stderr
            .contains("another resolver cannot list its sessions")
    );
    let registered = command(&[
        "register",
        "ann",
        "--host",
        "192.0.2.7",
        "--http-port",
        "1",
        "--never-expires",
    ]);
    assert_eq!(registered.exit_code, Some(2));
    let written = "upstream is read-only; writable stores are sqlite:, redis://,";
    assert!(registered.stderr.contains(written));
}

#[test]
fn check_names_the_step_that_failed() {
    let (ca, other) = (Ca::new("a CA"), Ca::new("another CA"));
    let folder = Folder::new(BROKER);
    Database(&folder).register("ann", "old.dcv.example");
    let (_broker, url) = start_broker(&ca, &folder);
    let own = Folder::new(&format!("time_budget_ms = 20000\n{}", config(&url)));
    Database(&own).register("ann", "new.dcv.example");
    let authority = url.strip_prefix("https://").unwrap();
    for (trusted, issuer, reason) in [
        (
            &other,
            &ca,
            "has a certificate that no trusted CA issued; trust the CA that issued it",
        ),
        (
            &ca,
            &other,
            "refuses the client certificate; use one that is valid and issued by its client CA",
        ),
    ] {
        own.write("ca.pem", &trusted.pem);
        issue_gateway(issuer, &own);
        let checked = own.run("check");
        assert_eq!(checked.exit_code, Some(1));
        let line = checked.stdout.lines().find(|line| line.starts_with("FAIL"));
        let line = line.unwrap();
        assert!(line.contains(&format!(": {authority} {reason}")), "{line}");
    }
}

#[test]
fn contradictory_settings_of_another_resolver_are_named() {
    let folder = Folder::new(
        r#"
[[stores]]
name = "a"
url = "http://127.0.0.1:1"
[stores.upstream]
ca_file = "ca.pem"
key_file = "key.pem"
[[stores]]
name = "b"
url = "memory:"
[stores.upstream]
connect_timeout_ms = 1
"#,
    );
    let checked = folder.run("check");
    assert_eq!(checked.exit_code, Some(1));
    for expected in [
        "`ca_file` needs TLS; use a URL with https://",
        "`key_file` needs `certificate_file`",
        "store \"b\" is not an https: or http: store; remove `upstream`",
    ] {
        assert!(checked.stderr.contains(expected), "{}", checked.stderr);
    }
}

#[test]
fn broker_that_is_not_needed_may_be_down() {
    for (setting, status) in [("", 503), ("required_for_readiness = false\n", 200)] {
        // Nothing listens there.
        let folder = Folder::new(&format!(
            "[[stores]]\nname = \"own\"\nurl = \"{SESSIONS}\"\n\
             [[stores]]\nname = \"broker\"\nurl = \"http://localhost:1\"\n{setting}"
        ));
        let serving = folder.serve();
        let ready = || ask(serving.ops(), "GET /readyz");
        wait_until("the broker was asked", || {
            ready().json()["stores"][1]["error"].is_string()
        });
        let ready = ready();
        assert_eq!(ready.status, status, "{ready:?}");
        assert_eq!(ready.json()["stores"][1]["state"], "down");
        assert_eq!(resolve(serving.address, "console").status, 200);
        assert_eq!(resolve(serving.address, "unknown").status, 503);
        serving.stop();
    }
}
