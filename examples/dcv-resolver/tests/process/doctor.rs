//! `doctor`: each hop of the path is broken once, and the last line names it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use dcv_resolver_test_support::port::free_port;
use serde_json::Value;

use crate::pki::{Ca, issue_gateway, issue_server};
use crate::support::{Finished, Folder, Serving, dcv_resolver};
use crate::tls_dcv_server::TlsDcvServer;

const PAGES: &str = "[web-resources]\nlocal-resources-path = \"/usr/share/dcv/www\"\n\
     [gateway]\nquic-listen-endpoints = [\"0.0.0.0:8443\"]\n";
const TLS: &str = "[tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"key.pem\"\n";
const POLICY: &str = "[policy.client_networks]\nunknown_client = \"allow\"\nsessions = { guarded = [\"198.51.100.0/24\"] }\n";

/// A resolver, a DCV server, and the configuration of a gateway between them, in
/// which nothing is wrong until a test breaks it.
struct Site {
    folder: Folder,
    resolver: Serving,
    server: TlsDcvServer,
    scheme: &'static str,
}

impl Site {
    fn new() -> Self {
        Self::with("", |_| {}, 200, 101)
    }

    /// With more in the resolver's configuration, and what a DCV server answers.
    fn with(more: &str, prepare: impl FnOnce(&Folder), page: u16, web_socket: u16) -> Self {
        let servers_ca = Ca::new("the CA of the servers");
        let server = TlsDcvServer::start(&servers_ca, page, web_socket);
        let folder = Folder::new(&format!(
            "{more}\n[[stores]]\nname = \"desktops\"\nurl = \"file:sessions.toml\"\n{POLICY}"
        ));
        folder.write("sessions.toml", &sessions(server.address.port()));
        folder.write("servers-ca.pem", &servers_ca.pem);
        prepare(&folder);
        let resolver = folder.serve();
        let site = Self {
            folder,
            resolver,
            server,
            scheme: if more.contains("[tls]") {
                "https"
            } else {
                "http"
            },
        };
        site.gateway(&site.resolver_section(""));
        site
    }

    /// With a DCV server that the resolver's answer places at `port`.
    fn with_port(port: u16) -> Self {
        let session =
            format!("sessions.console = {{ host = \"localhost\", http_port = {port} }}\n");
        let prepare = |folder: &Folder| folder.write("sessions.toml", &session);
        Self::with("", prepare, 200, 101)
    }

    /// With TLS for `name`, from the CA that `ca.pem` holds.
    fn with_tls(name: &str, more: &str) -> Self {
        let prepare = |folder: &Folder| {
            let ca = Ca::new("the CA of the resolver");
            issue_server(&ca, folder, &[name]);
            issue_gateway(&ca, folder);
            folder.write("ca.pem", &ca.pem);
        };
        let site = Self::with(&format!("{TLS}{more}"), prepare, 200, 101);
        site.gateway(&site.resolver_section(&site.file("ca-file", "ca.pem")));
        site
    }

    /// A line of the gateway's configuration.
    fn file(&self, setting: &str, name: &str) -> String {
        format!("{setting} = \"{}\"\n", self.folder.path(name).display())
    }

    fn resolver_section(&self, more: &str) -> String {
        let port = self.resolver.address.port();
        resolver_section(&format!("{}://localhost:{port}", self.scheme), more)
    }

    /// Replaces the gateway's configuration, apart from what leads to servers.
    fn gateway(&self, text: &str) {
        let ca_file = self.file("ca-file", "servers-ca.pem");
        self.folder
            .write("gateway.conf", &format!("{text}{PAGES}[dcv]\n{ca_file}"));
    }

    fn doctor(&self, link: &str, arguments: &[&str]) -> Finished {
        let gateway = self.folder.path("gateway.conf");
        let gateway = gateway.to_str().unwrap();
        let all = ["doctor", "--link", link, "--gateway-config", gateway];
        let mut command = dcv_resolver(&[&all, arguments].concat());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.output().unwrap().into()
    }

    /// Runs it for a session, with what is known of the resolver on its machine.
    fn session(&self, session: &str, arguments: &[&str]) -> Finished {
        let ops = format!("http://{}", self.resolver.ops());
        let arguments = [&["--ops-url", &ops], arguments].concat();
        self.doctor(&link(session), &arguments)
    }
}

fn link(session: &str) -> String {
    format!("https://gw.example:8443/?authToken=tr0ub4dor#{session}")
}

fn resolver_section(url: &str, more: &str) -> String {
    format!("[resolver]\nurl = \"{url}\"\n{more}")
}

fn sessions(port: u16) -> String {
    let closed = free_port();
    format!(
        "sessions.console = {{ host = \"localhost\", http_port = {port}, quic_port = 8444 }}\n\
         sessions.guarded = {{ host = \"localhost\", http_port = {port} }}\n\
         sessions.quic-only = {{ host = \"localhost\", quic_port = 8444 }}\n\
         sessions.expired = {{ host = \"localhost\", http_port = {port}, expires_at = 2020-01-02T03:04:05Z }}\n\
         sessions.creating = {{ host = \"localhost\", http_port = {port}, state = \"CREATING\" }}\n\
         sessions.nowhere = {{ host = \"ws-17.invalid\", http_port = {port} }}\n\
         sessions.closed = {{ host = \"localhost\", http_port = {closed} }}\n\
         sessions.by-address = {{ host = \"127.0.0.1\", http_port = {port} }}\n"
    )
}

/// Asserts that the last line names the cause, that nothing secret is printed,
/// and that the command failed.
#[track_caller]
fn assert_cause(finished: &Finished, expected: &[&str]) {
    let last = assert_last_line(finished, expected);
    assert!(last.starts_with("most likely cause: "), "{last}");
    assert_eq!(finished.exit_code, Some(1));
}

#[track_caller]
fn assert_last_line<'a>(finished: &'a Finished, expected: &[&str]) -> &'a str {
    let Finished { stdout, stderr, .. } = finished;
    assert_eq!(stderr, "", "{stdout}");
    assert!(!stdout.contains("tr0ub4dor"), "a secret is printed");
    let last = stdout.lines().last().unwrap();
    for text in expected {
        assert!(last.contains(text), "expected {text:?}:\n{stdout}");
    }
    last
}

#[test]
fn token_after_the_hash_is_named_and_neither_printed_nor_sent() {
    let site = Site::new();
    for link in [
        "https://gw.example:8443/#console?authToken=tr0ub4dor",
        "https://gw.example:8443/#console&authToken=tr0ub4dor",
    ] {
        let finished = site.doctor(link, &[]);
        let change = "write https://gw.example:8443/?authToken=…#console";
        assert_cause(&finished, &["has the token after '#'", change]);
        let found = "ok           answer for HTTP: session \"console\"";
        assert!(finished.stdout.contains(found), "{}", finished.stdout);
    }
}

#[test]
fn path_without_a_fault_has_no_cause() {
    let site = Site::new();
    let finished = site.session("console", &[]);
    let last = assert_last_line(&finished, &["no cause found"]);
    assert!(last.contains("hops were not checked"), "{last}");
    assert_eq!(finished.exit_code, Some(0));
    for line in [
        "ok           link: session \"console\" at gw.example:8443",
        "ok           answer for HTTP: session \"console\" on localhost port ",
        "ok           answer for QUIC: session \"console\" on localhost port 8444, path /",
        "not checked  DCV server's UDP port: UDP port 8444 cannot be checked",
        "ok           DCV server's TLS: TLS 1.3, a certificate for localhost until ",
        "ok           DCV server's page: the DCV server answers GET / with 200",
        "ok           DCV server's WebSocket: ",
    ] {
        assert!(
            finished.stdout.contains(line),
            "{line}\n{}",
            finished.stdout
        );
    }
}

#[test]
fn report_is_json_for_programs() {
    let site = Site::new();
    let finished = site.session("expired", &["--json"]);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["failed"], true);
    let hops = report["hops"].as_array().unwrap();
    let failed = hops.iter().find(|hop| hop["hop"] == "explanation").unwrap();
    assert_eq!(failed["status"], "fail");
    assert_eq!(report["cause"], failed["finding"]);
}

// The link.

#[test]
fn id_in_the_query_of_the_link_is_named() {
    let site = Site::new();
    let link = "https://gw.example:8443/?sessionId=console&authToken=tr0ub4dor";
    let finished = site.doctor(link, &[]);
    assert_cause(
        &finished,
        &["after '?sessionId='", "https://gw.example:8443/#console"],
    );
    // The id is known nevertheless.
    assert!(finished.stdout.contains("ok           answer for HTTP"));
}

#[test]
fn link_without_an_id_is_named() {
    let finished = Site::new().doctor("https://gw.example:8443/?authToken=tr0ub4dor", &[]);
    assert_cause(&finished, &["the link has no session id", "after '#'"]);
}

// The gateway's configuration.

#[test]
fn missing_section_is_named() {
    let site = Site::new();
    site.gateway("");
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["no section [resolver]", "add [resolver]"]);
}

#[test]
fn missing_pages_of_the_web_client_are_named() {
    let site = Site::new();
    let ca_file = site.file("ca-file", "servers-ca.pem");
    let text = format!("{}[dcv]\n{ca_file}", site.resolver_section(""));
    site.folder.write("gateway.conf", &text);
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["[web-resources]", "never asked"]);
}

#[test]
fn url_with_an_address_is_named() {
    let site = Site::new();
    let url = format!("http://{}", site.resolver.address);
    site.gateway(&resolver_section(&url, ""));
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["IP address 127.0.0.1", "only domain names"]);
}

#[test]
fn configuration_that_cannot_be_read_is_named() {
    let site = Site::new();
    site.folder
        .write("gateway.conf", "[resolver]\nurl = tr0ub4dor\n");
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &["gateway.conf is invalid: line 2", "correct the file"],
    );
}

#[test]
fn value_of_the_wrong_type_is_not_printed() {
    let site = Site::new();
    site.folder.write(
        "gateway.conf",
        "resolver = \"https://ann:tr0ub4dor@resolver.example\"\n",
    );
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &["line 1: resolver has an invalid value", "correct the file"],
    );
}

#[test]
fn setting_that_is_mistyped_is_named() {
    let site = Site::with_tls("localhost", "");
    let setting = site.file("ca_file", "ca.pem");
    site.gateway(&site.resolver_section(&setting));
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &["no setting ca_file in [resolver]", "write ca-file"],
    );
}

#[test]
fn mistyped_setting_is_named_rather_than_the_one_that_is_missing() {
    let site = Site::new();
    let pages = "[web-resources]\nlocal-resource-paths = \"/usr/share/dcv/www\"\n";
    let text = format!("{}{pages}", site.resolver_section(""));
    site.folder.write("gateway.conf", &text);
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &["local-resource-paths", "write local-resources-path"],
    );
}

#[test]
fn file_that_cannot_be_used_is_named_once() {
    let site = Site::with_tls("localhost", "");
    site.folder.write("der.pem", "\u{30}\u{82}");
    let ca_file = site.file("ca-file", "der.pem");
    site.gateway(&site.resolver_section(&ca_file));
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["der.pem", "correct the files of [resolver]"]);
    let failed = finished.stdout.matches("FAIL").count();
    assert_eq!(failed, 1, "{}", finished.stdout);
    let ok = "ok           gateway configuration";
    assert!(!finished.stdout.contains(ok), "{}", finished.stdout);
}

#[test]
fn proxy_variable_is_named_if_nothing_else_is_wrong() {
    let site = Site::new();
    let gateway = site.folder.path("gateway.conf");
    let mut command = dcv_resolver(&["doctor", "--link", &link("console")]);
    command.arg("--gateway-config").arg(gateway);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env("HTTPS_PROXY", "http://ann:tr0ub4dor@proxy.example:3128");
    let finished = command.output().unwrap().into();
    assert_last_line(
        &finished,
        &[
            "a possible cause: HTTPS_PROXY applies to gw.example",
            "NO_PROXY",
        ],
    );
    assert_eq!(finished.exit_code, Some(0));
}

// The connection to the resolver.

#[test]
fn closed_port_is_named() {
    let site = Site::new();
    let url = format!("http://localhost:{}", free_port());
    site.gateway(&resolver_section(&url, ""));
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &[
            "no connection to the resolver: cannot connect to localhost",
            "start the resolver",
        ],
    );
    // Nothing further can be known.
    let unchecked = "not checked  answer for HTTP: the resolver was not reached";
    assert!(finished.stdout.contains(unchecked), "{}", finished.stdout);
}

#[test]
fn wrong_port_is_named_by_the_resolvers_own_configuration() {
    let site = Site::new();
    let url = format!("http://localhost:{}", free_port());
    site.gateway(&resolver_section(&url, ""));
    let config = site.folder.path("resolver.toml");
    let listen = site.resolver.address.to_string();
    let arguments = ["--config", config.to_str().unwrap(), "--listen", &listen];
    let finished = site.doctor(&link("console"), &arguments);
    let port = site.resolver.address.port();
    assert_cause(
        &finished,
        &["listen on port", &format!("use port {port} in url")],
    );
}

#[test]
fn name_that_does_not_resolve_is_named() {
    let site = Site::new();
    site.gateway(&resolver_section("http://resolver.invalid:9000", ""));
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["does not resolve here", "resolver.invalid"]);
}

#[test]
fn self_signed_resolver_is_named() {
    let prepare = |folder: &Folder| {
        let pair = dcv_resolver_test_support::pki::self_signed("localhost");
        folder.write("cert.pem", &pair.certificate);
        folder.write("key.pem", &pair.key);
    };
    let site = Site::with(TLS, prepare, 200, 101);
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &[
            "of the resolver is self-signed",
            "set ca-file of [resolver]",
        ],
    );
}

#[test]
fn wrong_ca_is_named() {
    let site = Site::with_tls("localhost", "");
    let ca_file = site.file("ca-file", "servers-ca.pem");
    site.gateway(&site.resolver_section(&ca_file));
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &["servers-ca.pem", "its issuer is CN=the CA of the resolver"],
    );
}

#[test]
fn certificate_for_another_name_is_named() {
    let site = Site::with_tls("resolver.example", "");
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &[
            "is for resolver.example, not for localhost",
            "in the url of [resolver]",
        ],
    );
}

#[test]
fn certificates_that_the_gateway_does_not_check_are_no_fault() {
    let site = Site::with_tls("resolver.example", "");
    let text = site.resolver_section("tls-strict = false\n");
    let text = format!("{text}{PAGES}[dcv]\ntls-strict = false\n");
    site.folder.write("gateway.conf", &text);
    let finished = site.session("by-address", &[]);
    assert_last_line(&finished, &["no cause found"]);
    let line = "warn         gateway configuration: [resolver] has tls-strict = false";
    assert!(finished.stdout.contains(line), "{}", finished.stdout);
}

#[test]
fn missing_client_certificate_is_named() {
    let site = Site::with_tls("localhost", "client_ca_file = \"ca.pem\"\n");
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &[
            "requires a client certificate",
            "set cert-file and cert-key-file",
        ],
    );
    // With one, nothing is wrong.
    let files = ["ca.pem", "gateway-cert.pem", "gateway-key.pem"];
    let settings = ["ca-file", "cert-file", "cert-key-file"];
    let lines = settings
        .iter()
        .zip(files)
        .map(|(setting, name)| site.file(setting, name));
    site.gateway(&site.resolver_section(&lines.collect::<String>()));
    let finished = site.session("console", &[]);
    assert_last_line(&finished, &["no cause found"]);
}

#[test]
fn http_url_of_a_resolver_with_tls_is_named() {
    let site = Site::with_tls("localhost", "");
    let url = format!("http://localhost:{}", site.resolver.address.port());
    site.gateway(&resolver_section(&url, ""));
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["speaks TLS", "with https://"]);
}

#[test]
fn https_url_of_a_resolver_without_tls_is_named() {
    let site = Site::new();
    let url = format!("https://localhost:{}", site.resolver.address.port());
    site.gateway(&resolver_section(&url, ""));
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["does not speak TLS", "with http://"]);
}

#[test]
fn web_server_in_place_of_the_resolver_is_named() {
    let site = Site::new();
    let url = format!("http://{}/tr0ub4dor", site.resolver.ops());
    let finished = site.doctor(&link("console"), &["--resolver-url", &url]);
    assert_cause(&finished, &["404"]);
}

#[test]
fn caller_that_the_resolver_does_not_accept_is_named() {
    let callers = "[callers]\nallowed_networks = [\"192.0.2.0/24\"]\n";
    let site = Site::with_tls("localhost", callers);
    let config = site.folder.path("resolver.toml");
    let finished = site.session("ann", &["--config", config.to_str().unwrap()]);
    assert_cause(&finished, &["allowed_networks"]);
}

// The answer.

#[test]
fn explanation_of_another_answer_is_not_the_cause() {
    let callers = "[callers]\nallowed_networks = [\"192.0.2.0/24\"]\n";
    let site = Site::with(callers, |_| {}, 200, 101);
    // Its own stores know no such session, but that is not why it is refused.
    let finished = site.session("ann", &[]);
    assert_cause(&finished, &["allowed_networks"]);
}

#[test]
fn reason_of_a_session_that_is_not_found_is_named() {
    let site = Site::new();
    for (session, cause) in [
        ("ann", "knows no session \"ann\""),
        (
            "Console",
            "did you mean \"console\", with different capitalization?",
        ),
        ("expired", "expired at 2020-01-02T03:04:05Z"),
        ("creating", "CREATING, not READY"),
        ("quic-only", "without a port for HTTP"),
    ] {
        assert_cause(&site.session(session, &[]), &[cause]);
    }
}

#[test]
fn client_that_a_policy_denies_is_named() {
    let site = Site::new();
    let allowed = site.session("guarded", &["--client-ip", "198.51.100.7"]);
    assert_last_line(&allowed, &["no cause found"]);
    let denied = site.session("guarded", &["--client-ip", "203.0.113.7"]);
    assert_cause(
        &denied,
        &[
            "denies session \"guarded\" to a client at 203.0.113.7",
            "load_balancers",
        ],
    );
}

#[test]
fn configuration_explains_if_the_operators_listener_cannot_be_asked() {
    let site = Site::new();
    let config = site.folder.path("resolver.toml");
    let arguments = ["--config", config.to_str().unwrap()];
    for more in [&[][..], &["--ops-url", "http://resolver.example:9001"]] {
        let finished = site.doctor(&link("Console"), &[&arguments, more].concat());
        assert_cause(&finished, &["did you mean \"console\""]);
    }
    let finished = site.doctor(&link("Console"), &[]);
    assert_cause(&finished, &["knows no session \"Console\""]);
    let unchecked = "not checked  resolver's explanation: there is neither";
    assert!(finished.stdout.contains(unchecked), "{}", finished.stdout);
}

#[test]
fn operators_listener_that_needs_a_token_is_asked_with_one() {
    const TOKEN: &str = "0123456789-reader-tr0ub4dor-0123456789";
    let admin = "[[stores]]\nname = \"agents\"\nurl = \"memory:\"\n[admin]\ntokens_file = \"tokens\"\nstore = \"agents\"\n";
    let tokens = format!("reader read-only {TOKEN}\n");
    let site = Site::with(admin, |folder| folder.write("tokens", &tokens), 200, 101);
    let finished = site.session("Console", &[]);
    let unchecked = "not checked  resolver's explanation: /explain needs a token; give --admin-token-file (401)";
    assert!(finished.stdout.contains(unchecked), "{}", finished.stdout);

    site.folder.write("token", &format!("{TOKEN}\n"));
    site.folder
        .write("other", "0123456789-another-tr0ub4dor-0123456789");
    let with_token = |name: &str| {
        let file = site.folder.path(name);
        let arguments = ["--admin-token-file", file.to_str().unwrap()];
        site.session("Console", &arguments)
    };
    assert_cause(&with_token("token"), &["did you mean \"console\""]);
    let refused = with_token("other");
    let unchecked = "resolver's explanation: /explain does not accept the token (401)";
    assert!(refused.stdout.contains(unchecked), "{}", refused.stdout);
    assert!(!refused.stdout.contains("tr0ub4dor"));
    let missing = with_token("missing");
    assert_eq!(missing.exit_code, Some(2));
    assert!(
        missing.stderr.contains("--admin-token-file: cannot read"),
        "{}",
        missing.stderr
    );
}

#[test]
fn store_that_is_only_in_the_resolver_explains_nothing() {
    let serving = Serving::start(&["--store", "memory:"]);
    let url = format!("http://{}", serving.address);
    let finished = dcv_resolver(&["doctor", "--session", "console", "--store", "memory:"])
        .args(["--resolver-url", &url])
        .args(["--ops-url", "http://resolver.example:9001"])
        .output();
    let finished = Finished::from(finished.unwrap());
    let why = "; the sessions of a memory: store are only in the running resolver";
    assert!(finished.stdout.contains(why), "{}", finished.stdout);
    serving.stop();
}

#[test]
fn resolver_is_asked_where_its_own_configuration_listens() {
    let site = Site::new();
    let config = site.folder.path("resolver.toml");
    let listen = site.resolver.address.to_string();
    let arguments = ["--config", config.to_str().unwrap(), "--listen", &listen];
    let all = ["doctor", "--session", "expired"];
    let finished = dcv_resolver(&[&all[..], &arguments].concat()).output();
    let finished = Finished::from(finished.unwrap());
    assert_cause(&finished, &["expired at 2020-01-02T03:04:05Z"]);
    let port = format!("ok           resolver's port: {listen} accepts connections");
    assert!(finished.stdout.contains(&port), "{}", finished.stdout);
}

// The DCV server.

#[test]
fn server_whose_name_does_not_resolve_is_named() {
    let finished = Site::new().session("nowhere", &[]);
    assert_cause(&finished, &["does not resolve here", "ws-17.invalid"]);
}

#[test]
fn server_whose_port_is_closed_is_named() {
    let finished = Site::new().session("closed", &[]);
    assert_cause(
        &finished,
        &["no connection to the DCV server: cannot connect to localhost"],
    );
}

#[test]
fn server_whose_certificate_does_not_name_it_is_named() {
    let finished = Site::new().session("by-address", &[]);
    assert_cause(
        &finished,
        &[
            "of the DCV server is for localhost, not for 127.0.0.1",
            "tls-strict = false",
        ],
    );
}

#[test]
fn server_whose_ca_is_not_trusted_is_named() {
    let site = Site::new();
    let text = format!("{}{PAGES}", site.resolver_section(""));
    site.folder.write("gateway.conf", &text);
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["the DCV server", "set ca-file of [dcv]"]);
}

#[test]
fn server_that_refuses_the_page_is_named() {
    let site = Site::with("", |_| {}, 403, 101);
    let finished = site.session("console", &[]);
    assert_cause(&finished, &["GET / with 403", "allowed-http-host-regex"]);
}

#[test]
fn server_that_refuses_the_origin_is_named() {
    let site = Site::with("", |_| {}, 200, 403);
    let finished = site.session("console", &[]);
    assert_cause(
        &finished,
        &[
            "origin https://gw.example:8443 with 403",
            "allowed-ws-origin-regex",
        ],
    );
}

#[test]
fn origin_is_not_blamed_without_a_link() {
    let site = Site::with("", |_| {}, 200, 403);
    let gateway = site.folder.path("gateway.conf");
    let finished = dcv_resolver(&["doctor", "--session", "console", "--gateway-config"])
        .arg(gateway)
        .output();
    let finished = Finished::from(finished.unwrap());
    assert_eq!(finished.exit_code, Some(0), "{}", finished.stdout);
    let why = "with 403; give --link, whose origin it must match";
    assert!(finished.stdout.contains(why), "{}", finished.stdout);
}

/// Answers each connection with these bytes.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 1024]);
            let _ignored = stream.write_all(bytes);
        }
    });
    port
}

#[test]
fn port_that_is_not_one_of_a_dcv_server_is_named() {
    for (bytes, cause) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "does not speak TLS",
        ),
        (b"SSH-2.0-OpenSSH_9.7\r\n", "does not speak TLS"),
        (b"", "closed the connection during the TLS handshake"),
    ] {
        let port = answering(bytes);
        let site = Site::with_port(port);
        let finished = site.session("console", &[]);
        let change = "web-port of the DCV server";
        assert_cause(&finished, &["the DCV server", cause, change]);
    }
}

#[test]
fn web_server_in_place_of_the_dcv_server_is_named() {
    for (page, web_socket) in [(200, 404), (404, 404), (200, 200)] {
        let site = Site::with("", |_| {}, page, web_socket);
        let finished = site.session("console", &[]);
        let change = "check that the port is the web-port of the DCV server";
        assert_last_line(&finished, &["a possible cause: ", change]);
    }
}

// The DCV server's configuration.

#[test]
fn port_of_the_configuration_is_named_rather_than_what_answers_at_another() {
    let closed = free_port();
    for port in [closed, answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")] {
        let site = Site::with_port(port);
        site.folder.write(
            "dcv.conf",
            "[connectivity]\nweb-listen-endpoints=['0.0.0.0:9443'] # the desktops\n[security]\nauth-token-verifier='https://localhost:1'\n",
        );
        let path = site.folder.path("dcv.conf");
        let finished = site.session("console", &["--dcv-config", path.to_str().unwrap()]);
        let cause = format!(
            "the resolver answers with port {port}, but by its dcv.conf the DCV server listens on port 9443"
        );
        assert_cause(&finished, &[&cause, "with HTTP port 9443"]);
    }
}

#[test]
fn configuration_of_a_server_that_is_invalid_is_named_with_its_line() {
    let site = Site::new();
    let finished = with_dcv_conf(&site, "no-tls-strict=tr0ub4dor");
    let cause = "dcv.conf is invalid: line 6: no-tls-strict has an invalid value";
    assert_cause(
        &finished,
        &[cause, "write true or false", "correct the file"],
    );
}

fn with_dcv_conf(site: &Site, security: &str) -> Finished {
    let port = site.server.address.port();
    let text = format!(
        "[connectivity]\nweb-port={port}\nquic-port=8444\nenable-quic-frontend=true\n[security]\n{security}\n"
    );
    site.folder.write("dcv.conf", &text);
    let path = site.folder.path("dcv.conf");
    site.session("console", &["--dcv-config", path.to_str().unwrap()])
}

#[test]
fn configuration_of_a_server_that_fits_has_no_cause() {
    let site = Site::new();
    let finished = with_dcv_conf(&site, "authentication=\"none\"");
    assert_last_line(&finished, &["no cause found"]);
}

#[test]
fn verifier_that_is_not_used_is_named() {
    let site = Site::with("", |_| {}, 302, 302);
    let verifier = format!(
        "auth-token-verifier=\"https://ann:tr0ub4dor@localhost:{}/agent/validate-authentication-token\"",
        free_port()
    );
    let finished = with_dcv_conf(&site, &verifier);
    assert_cause(
        &finished,
        &[
            "auth-token-verifier points at a Session Manager Broker",
            "cannot connect",
        ],
    );
}

#[test]
fn origin_that_the_configuration_refuses_is_named() {
    let site = Site::with("", |_| {}, 200, 403);
    let security =
        "authentication=\"none\"\nallowed-ws-origin-regex=\"^https://desktops\\\\.example\"";
    let finished = with_dcv_conf(&site, security);
    assert_cause(
        &finished,
        &["allowed-ws-origin-regex does not match \"https://gw.example:8443\""],
    );
}

#[test]
fn host_that_the_configuration_refuses_is_named() {
    let site = Site::with("", |_| {}, 403, 403);
    let security = "authentication=\"none\"\nallowed-http-host-regex=\"^desktops\\\\.example$\"";
    let finished = with_dcv_conf(&site, security);
    assert_cause(
        &finished,
        &["allowed-http-host-regex does not match gw.example and localhost"],
    );
}

#[test]
fn link_in_the_place_of_a_session_is_not_quoted() {
    for session in [&link("console"), "console?authToken=tr0ub4dor"] {
        let finished = dcv_resolver(&["doctor", "--session", session]).output();
        let finished = Finished::from(finished.unwrap());
        assert_eq!(finished.exit_code, Some(2));
        assert!(
            finished.stderr.contains("doctor --link"),
            "{}",
            finished.stderr
        );
        assert!(!finished.stderr.contains("tr0ub4dor"));
    }
}
