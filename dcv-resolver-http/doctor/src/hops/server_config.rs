//! The configuration of the DCV server, against the answer and the link.

use std::path::Path;

use dcv_resolver_client::{
    Destination, HttpClient, InvalidBaseUrl, RequestError, RequestErrorKind, TlsFileError,
    TlsOptions,
};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_dcv_config::{ConfigFileError, Connectivity, DcvServerConfig, Security};
use regex::bytes::RegexBuilder;

use crate::hop::{Hop, HopKind};
use crate::time_limits::CONNECT;
use crate::url_parts::UrlParts;

const KIND: HopKind = HopKind::ServerConfig;
const MAX_TEXT_BYTES: usize = 256;

/// The path at which a Session Manager Broker checks tokens.
///
/// Source: Session Manager Administrator Guide, "Configure the DCV server".
const BROKER_PATH: &str = "/agent/validate-authentication-token";

/// What the file is compared with, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) http: Option<&'a Destination>,
    pub(crate) quic: Option<&'a Destination>,
    /// The origin and the host of the client's link.
    pub(crate) link: Option<(String, String)>,
}

/// Reads and checks the file.
pub(crate) async fn check(path: &Path, expected: &Expected<'_>) -> Vec<Hop> {
    let DcvServerConfig {
        connectivity,
        security,
        ..
    } = match DcvServerConfig::read(path) {
        Ok(config) => config,
        Err(error) => {
            let change = match &error {
                ConfigFileError::Unreadable { .. } => {
                    "run the command on the DCV server as a user who may read the file"
                }
                _ => "correct the file",
            };
            return vec![Hop::fail(KIND, error.chain().to_string(), change)];
        }
    };
    let mut hops = Vec::new();
    hops.extend(verifier(&security).await);
    hops.extend(origin(&security, expected));
    hops.extend(host(&security, expected));
    hops.extend(endpoints(&connectivity, expected));
    if hops.is_empty() {
        hops.push(Hop::ok(KIND, path.display().to_string()));
    }
    hops
}

/// Checks that the verifier of tokens can be reached. No token is sent to it.
async fn verifier(security: &Security) -> Option<Hop> {
    let Some(url) = &security.auth_token_verifier else {
        if security.authentication.as_deref() == Some("none") {
            return None;
        }
        return Some(Hop::warn(
            KIND,
            "auth-token-verifier is not set, but a gateway needs DCV servers with external authentication",
            "set auth-token-verifier in [security] to the service that checks your tokens",
        ));
    };
    let Some(parts) = UrlParts::parse(url) else {
        return Some(Hop::fail(
            KIND,
            "auth-token-verifier is not a URL",
            "set it to the URL of the service that checks your tokens",
        ));
    };
    let is_broker = url.ends_with(BROKER_PATH);
    let what = if is_broker {
        format!("auth-token-verifier points at a Session Manager Broker, {parts}")
    } else {
        format!("auth-token-verifier points at {parts}")
    };
    let Err(error) = connect_to_verifier(security, &parts).await else {
        return is_broker.then(|| Hop::note(KIND, format!("{what}: only its tokens are accepted")));
    };
    Some(Hop::fail(
        KIND,
        format!("{what}, which cannot be used from this machine: {error}"),
        "start it, or set auth-token-verifier to the service that checks your tokens",
    ))
}

/// Why the token verifier cannot be used from this machine.
#[derive(Debug, thiserror::Error)]
enum UnusableVerifier {
    #[error(transparent)]
    InvalidUrl(#[from] InvalidBaseUrl),
    #[error(transparent)]
    InvalidSettings(#[from] TlsFileError),
    #[error("{0} (ca-file and no-tls-strict in [security] apply)")]
    Tls(#[source] RequestError),
    #[error(transparent)]
    Unreachable(RequestError),
}

async fn connect_to_verifier(security: &Security, url: &UrlParts) -> Result<(), UnusableVerifier> {
    let mut tls = TlsOptions::default().strict(!security.no_tls_strict);
    if let Some(path) = &security.ca_file {
        tls = tls.ca_file(path);
    }
    let client = HttpClient::builder(url.with_scheme(&url.scheme)?)
        .tls(tls)
        .connect_timeout(CONNECT)
        .build()?;
    match client.connect().await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == RequestErrorKind::Tls => Err(UnusableVerifier::Tls(error)),
        Err(error) => Err(UnusableVerifier::Unreachable(error)),
    }
}

/// Checks the origin of the page, which the browser sends with a WebSocket.
fn origin(security: &Security, expected: &Expected<'_>) -> Option<Hop> {
    let pattern = security.allowed_ws_origin_regex.as_deref()?;
    let Some((origin, _)) = &expected.link else {
        return Some(Hop::not_checked(
            KIND,
            "allowed-ws-origin-regex: give --link, whose origin it must match",
        ));
    };
    match matches(pattern, origin) {
        Some(true) => return None,
        Some(false) => {}
        None => return Some(unknown_syntax("allowed-ws-origin-regex")),
    }
    Some(Hop::fail(
        KIND,
        format!(
            "allowed-ws-origin-regex does not match {:?}, the origin of the link, so the WebSocket gets 403",
            escaped(origin, MAX_TEXT_BYTES)
        ),
        "let allowed-ws-origin-regex in [security] match the gateway's origin",
    ))
}

/// Checks the host of a request. Whether the gateway sends its own name or the
/// server's is not documented.
fn host(security: &Security, expected: &Expected<'_>) -> Option<Hop> {
    let pattern = security.allowed_http_host_regex.as_deref()?;
    let gateway = expected.link.as_ref().map(|(_, host)| host.as_str());
    let server = expected.http.map(|http| http.host.as_str());
    let hosts: Vec<_> = gateway.into_iter().chain(server).collect();
    if hosts.is_empty() {
        return Some(Hop::not_checked(
            KIND,
            "allowed-http-host-regex: neither the gateway's name nor the server's is known",
        ));
    }
    let mut refused = Vec::new();
    for host in &hosts {
        let Some(is_match) = matches(pattern, host) else {
            return Some(unknown_syntax("allowed-http-host-regex"));
        };
        if !is_match {
            refused.push(escaped(host, MAX_TEXT_BYTES));
        }
    }
    if refused.is_empty() {
        return None;
    }
    let cause = format!(
        "allowed-http-host-regex does not match {}, so requests with such a host get 403",
        refused.join(" and ")
    );
    let change = "let allowed-http-host-regex in [security] match both names";
    Some(if refused.len() == hosts.len() {
        Hop::fail(KIND, cause, change)
    } else {
        Hop::warn(KIND, cause, change)
    })
}

fn unknown_syntax(setting: &str) -> Hop {
    let why = format!("{setting} uses syntax that is not known here");
    Hop::not_checked(KIND, why)
}

/// Returns whether a part of `text` matches `pattern`: DCV does not demand that all
/// of it does. Returns `None` if the syntax of the pattern is not supported here.
/// Origins and hosts are ASCII, so no pattern needs Unicode.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    let regex = RegexBuilder::new(pattern).unicode(false).build();
    Some(regex.ok()?.is_match(text.as_bytes()))
}

/// Checks ports and path of the answers.
fn endpoints(server: &Connectivity, expected: &Expected<'_>) -> Vec<Hop> {
    let mut hops = Vec::new();
    if let Some(http) = expected.http {
        if !server.http_ports().contains(&http.port) {
            let ports = listed(server.http_ports());
            let port = server.http_port();
            hops.push(Hop::fail(
                // A hop of the port: this is why nothing, or another program, answers
                // there.
                HopKind::ServerPort,
                format!(
                    "the resolver answers with port {}, but by its dcv.conf the DCV server listens on port {ports}",
                    http.port
                ),
                format!("register the session with HTTP port {port}"),
            ));
        }
        let path = server.web_url_path().as_str();
        let answered = http.web_url_path.as_str();
        if path.trim_end_matches('/') != answered.trim_end_matches('/') {
            hops.push(Hop::fail(
                KIND,
                format!(
                    "the resolver answers with the path {:?}, but the DCV server has web-url-path {:?}",
                    escaped(answered, MAX_TEXT_BYTES),
                    escaped(path, MAX_TEXT_BYTES)
                ),
                "register the session with the web-url-path of the DCV server",
            ));
        }
    }
    let Some(quic) = expected.quic else {
        return hops;
    };
    match server.quic_port() {
        None => hops.push(Hop::warn(
            KIND,
            "the resolver offers QUIC, but the DCV server has no enable-quic-frontend=true",
            "set enable-quic-frontend=true in [connectivity], or register the session without a QUIC port",
        )),
        Some(port) if !server.quic_ports().contains(&quic.port) => hops.push(Hop::warn(
            KIND,
            format!(
                "the resolver answers with UDP port {}, but by its dcv.conf the DCV server listens on UDP port {}",
                quic.port,
                listed(server.quic_ports())
            ),
            format!("register the session with QUIC port {port}"),
        )),
        Some(_) => {}
    }
    hops
}

fn listed(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    ports.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::Status;
    use dcv_resolver_core::Transport;

    fn destination(transport: Transport, port: u16) -> Destination {
        Destination {
            session_id: "console".parse().unwrap(),
            transport,
            host: "ws-17.dcv.example".parse().unwrap(),
            port,
            web_url_path: "/".parse().unwrap(),
        }
    }

    async fn checked(settings: &str) -> Vec<Hop> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dcv.conf");
        std::fs::write(&path, settings).unwrap();
        let http = destination(Transport::Http, 8443);
        let quic = destination(Transport::Quic, 8443);
        let expected = Expected {
            http: Some(&http),
            quic: Some(&quic),
            link: Some((
                "https://gw.example:8443".to_owned(),
                "gw.example".to_owned(),
            )),
        };
        check(&path, &expected).await
    }

    const GOOD: &str =
        "[connectivity]\nenable-quic-frontend=true\n[security]\nauthentication=\"none\"\n";

    #[tokio::test]
    async fn configuration_that_fits_is_right() {
        let hops = checked(GOOD).await;
        assert_eq!(hops.len(), 1);
        assert_eq!(hops[0].status, Status::Ok);
    }

    #[tokio::test]
    async fn setting_that_does_not_fit_is_named() {
        for (settings, status, cause) in [
            (
                "[security]\nallowed-ws-origin-regex=\"^https://other\"\n",
                Status::Fail,
                "allowed-ws-origin-regex does not match \"https://gw.example:8443\"",
            ),
            (
                "[security]\nallowed-http-host-regex=\"^other$\"\n",
                Status::Fail,
                "does not match gw.example and ws-17.dcv.example",
            ),
            (
                "[security]\nallowed-http-host-regex=\"(?i)^GW\\\\W\"\n",
                Status::Warn,
                "does not match ws-17.dcv.example,",
            ),
            (
                "[security]\nallowed-ws-origin-regex=\"^(?!https://other)\"\n",
                Status::NotChecked,
                "allowed-ws-origin-regex uses syntax that is not known here",
            ),
            (
                "[security]\nallowed-http-host-regex=\"(?<=gw)x\"\n",
                Status::NotChecked,
                "allowed-http-host-regex uses syntax that is not known here",
            ),
            (
                "[connectivity]\nweb-port=9443\n",
                Status::Fail,
                "but by its dcv.conf the DCV server listens on port 9443",
            ),
            (
                "[connectivity]\nweb-url-path=\"/desktop\"\n",
                Status::Fail,
                "web-url-path \"/desktop\"",
            ),
            (
                "[connectivity]\nenable-quic-frontend=false\n",
                Status::Warn,
                "no enable-quic-frontend=true",
            ),
            (
                "[connectivity]\nquic-port=9443\n",
                Status::Warn,
                "but by its dcv.conf the DCV server listens on UDP port 9443",
            ),
            (
                "[security]\nauthentication=\"system\"\n",
                Status::Warn,
                "auth-token-verifier is not set",
            ),
            (
                "[security]\nauth-token-verifier=\"tr0ub4dor\"\n",
                Status::Fail,
                "not a URL",
            ),
        ] {
            let hops = checked(&format!("{GOOD}{settings}")).await;
            assert_eq!(hops.len(), 1, "{hops:?}");
            assert_eq!(hops[0].status, status, "{}", hops[0]);
            assert!(hops[0].detail.contains(cause), "{}", hops[0]);
            assert!(!hops[0].detail.contains("tr0ub4dor"), "{}", hops[0]);
        }
    }

    #[tokio::test]
    async fn endpoint_with_a_port_of_its_own_counts() {
        let settings =
            "[connectivity]\nweb-port=9443\nweb-listen-endpoints=['0.0.0.0:8443', '[::]:8443']\n";
        let hops = checked(&format!("{GOOD}{settings}")).await;
        assert_eq!(hops[0].status, Status::Ok, "{hops:?}");
        // Nothing listens on a web-port that every endpoint replaces.
        let settings = "[connectivity]\nweb-listen-endpoints=['0.0.0.0:9443', '[::]:9444']\n";
        let hops = checked(&format!("{GOOD}{settings}")).await;
        let finding = hops[0].finding.as_ref().unwrap();
        assert!(finding.cause.ends_with("port 9443 and 9444"), "{finding}");
        assert!(finding.change.ends_with("HTTP port 9443"), "{finding}");
    }

    #[tokio::test]
    async fn broker_that_is_not_used_is_named() {
        // Nothing listens on port 1.
        let settings =
            format!("{GOOD}auth-token-verifier=\"https://u:tr0ub4dor@127.0.0.1:1{BROKER_PATH}\"\n");
        let hops = checked(&settings).await;
        assert!(hops[0].is_failed());
        assert!(
            hops[0].detail.contains("a Session Manager Broker"),
            "{}",
            hops[0]
        );
        assert!(!hops[0].detail.contains("tr0ub4dor"));
    }

    #[tokio::test]
    async fn broker_that_answers_is_a_note() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let verifier =
            |path: &str| format!("{GOOD}auth-token-verifier=\"http://{address}{path}\"\n");
        let hops = checked(&verifier(BROKER_PATH)).await;
        assert_eq!(hops[0].status, Status::Warn);
        assert!(
            hops[0].detail.ends_with("only its tokens are accepted"),
            "{}",
            hops[0]
        );
        let hops = checked(&verifier("/")).await;
        assert_eq!(hops[0].status, Status::Ok, "{}", hops[0]);
    }

    #[tokio::test]
    async fn file_that_cannot_be_read_is_named() {
        let hops = check(Path::new("/nowhere/dcv.conf"), &Expected::default()).await;
        assert!(hops[0].is_failed());
        assert!(hops[0].detail.contains("/nowhere/dcv.conf"), "{}", hops[0]);
    }
}
