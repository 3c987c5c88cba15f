//! The DCV server that the resolver answered, as the gateway connects to it.

use std::path::PathBuf;

use dcv_resolver_client::{
    Bytes, Destination, HeaderMap, HttpClient, InvalidBaseUrl, Method, RequestError,
    RequestErrorKind, Response, header,
};
use dcv_resolver_core::SessionId;
use dcv_resolver_core::escape::escaped;
use dcv_resolver_dcv_config::DcvSection;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::resolver::{addresses, tls_summary};
use crate::gateway_tls::dcv_tls;
use crate::hop::{Hop, HopKind};
use crate::time_limits::{CONNECT, RESPONSE};
use crate::tls_files::no_client;
use crate::tls_finding::TlsPeer;
use crate::url_parts::UrlParts;

/// What to do about a port that accepts a connection and takes no part in TLS.
const OTHER_PORT: &str =
    "check that the port is the web-port of the DCV server, and look at its log";

/// Checks the server of the answer for HTTP.
pub(crate) async fn check(
    destination: &Destination,
    quic: Option<&Destination>,
    section: &DcvSection,
    origin: Option<&str>,
    hops: &mut Vec<Hop>,
) {
    hops.push(udp_port(quic));
    let server = match Server::new(destination, section) {
        Ok(server) => server,
        Err(hop) => {
            hops.push(hop);
            return;
        }
    };
    if !server.connect(hops).await {
        let why = "there is no connection to the DCV server";
        hops.push(Hop::not_checked(HopKind::ServerPage, why));
        hops.push(Hop::not_checked(HopKind::ServerWebSocket, why));
        return;
    }
    match server.page().await {
        Ok(page) => {
            hops.push(page);
            hops.push(server.web_socket(origin).await);
        }
        Err(silent) => {
            hops.push(silent);
            let why = "the DCV server does not answer";
            hops.push(Hop::not_checked(HopKind::ServerWebSocket, why));
        }
    }
}

fn udp_port(quic: Option<&Destination>) -> Hop {
    let why = match quic {
        Some(quic) => format!(
            "UDP port {} cannot be checked: a port that does not answer looks like one behind a firewall",
            quic.port
        ),
        None => "QUIC is not offered".to_owned(),
    };
    Hop::not_checked(HopKind::ServerUdpPort, why)
}

struct Server {
    client: HttpClient,
    url: UrlParts,
    path: String,
    session_id: SessionId,
    ca_file: Option<PathBuf>,
}

impl Server {
    fn new(destination: &Destination, section: &DcvSection) -> Result<Self, Hop> {
        let Destination {
            host,
            port,
            web_url_path,
            session_id,
            transport: _,
        } = destination;
        let url = format!("https://{}", host.authority(*port));
        let invalid = || {
            let why = "the host in the answer is not valid in a URL";
            Hop::not_checked(HopKind::ServerName, why)
        };
        let base_url = url.parse().map_err(|_: InvalidBaseUrl| invalid())?;
        let client = HttpClient::builder(base_url)
            .tls(dcv_tls(section))
            .connect_timeout(CONNECT)
            .response_timeout(RESPONSE)
            .build()
            .map_err(|error| {
                let (name, tls) = (HopKind::ServerName, HopKind::ServerTls);
                no_client(&error, name, tls, "[dcv]")
            })?;
        let url = UrlParts::parse(&url).ok_or_else(invalid)?;
        Ok(Self {
            client,
            url,
            path: web_url_path.as_str().to_owned(),
            session_id: session_id.clone(),
            ca_file: section.ca_file.clone(),
        })
    }

    /// Connects, and returns whether the server was reached.
    async fn connect(&self, hops: &mut Vec<Hop>) -> bool {
        match self.client.connect().await {
            Ok(report) => {
                hops.push(Hop::ok(HopKind::ServerName, addresses(&report)));
                let accepts = format!("{} accepts connections", report.peer);
                hops.push(Hop::ok(HopKind::ServerPort, accepts));
                let tls = report.tls.as_ref().map(tls_summary);
                hops.push(Hop::ok(HopKind::ServerTls, tls.unwrap_or_default()));
                true
            }
            Err(error) => {
                self.failed(&error, hops).await;
                false
            }
        }
    }

    async fn failed(&self, error: &RequestError, hops: &mut Vec<Hop>) {
        let host = escaped(&self.url.host, 256);
        let resolves = Hop::ok(HopKind::ServerName, format!("{host} resolves"));
        let place = self.url.place();
        match error.kind() {
            RequestErrorKind::Dns => {
                hops.push(Hop::fail(
                    HopKind::ServerName,
                    format!("the name of the DCV server in the resolver's answer does not resolve here: {error}"),
                    format!("register the session with a name that the gateway resolves, or add {host} to its DNS"),
                ));
                return;
            }
            RequestErrorKind::DnsTimeout => {
                hops.push(Hop::fail(
                    HopKind::ServerName,
                    format!("the DNS servers of this machine do not answer: {error}"),
                    format!(
                        "correct the DNS servers of the gateway, or add {host} to its /etc/hosts"
                    ),
                ));
                return;
            }
            RequestErrorKind::Tls | RequestErrorKind::TlsTimeout => hops.push(resolves),
            _ => {
                hops.push(resolves);
                hops.push(Hop::fail(
                    HopKind::ServerPort,
                    format!("no connection to the DCV server: {error}"),
                    format!("start the DCV server, let firewalls pass TCP from the gateway to {place}, or register the session with its web-port"),
                ));
                return;
            }
        }
        let accepts = format!("{place} accepts connections");
        hops.push(Hop::ok(HopKind::ServerPort, accepts));
        let Some(failure) = error.tls_failure() else {
            hops.push(Hop::fail(HopKind::ServerTls, error.to_string(), OTHER_PORT));
            return;
        };
        let peer = TlsPeer {
            who: "the DCV server",
            url: &self.url,
            ca_setting: "ca-file of [dcv]",
            ca_file: self.ca_file.as_ref(),
            other_name: "register the session with one of its names, or set tls-strict = false in [dcv]",
            client_certificate: "register the session with the web-port of the DCV server: a gateway presents no certificate to it",
            not_tls: "register the session with the web-port of the DCV server, which speaks nothing but TLS",
            closed: OTHER_PORT,
        };
        hops.push(peer.hop(HopKind::ServerTls, failure, CONNECT).await);
    }

    /// Returns the hop of the page; as an error, if there is no response.
    async fn page(&self) -> Result<Hop, Hop> {
        let kind = HopKind::ServerPage;
        let path = escaped(&self.path, 256);
        let response = match self.get(&self.path, HeaderMap::new()).await {
            Ok(response) => response,
            Err(error) => {
                return Err(Hop::fail(
                    kind,
                    format!("the DCV server does not answer GET {path}: {error}"),
                    "look at the log of the DCV server for this moment",
                ));
            }
        };
        let status = response.status();
        let answer = format!("the DCV server answers GET {path} with {}", status.as_u16());
        Ok(match status.as_u16() {
            200..=299 => Hop::ok(kind, answer),
            300..=399 => Hop::warn(
                kind,
                format!("{answer}, a redirect that the gateway does not follow"),
                "check web-url-path and auth-token-verifier in dcv.conf",
            ),
            403 => Hop::fail(
                kind,
                answer,
                "let allowed-http-host-regex in dcv.conf match the host that the gateway sends",
            ),
            // A server without the web client's pages has none here.
            404 => Hop::warn(
                kind,
                answer,
                "check that the port is the web-port of the DCV server, and the path its web-url-path",
            ),
            _ => Hop::warn(kind, answer, "look at the log of the DCV server"),
        })
    }

    /// Asks for the WebSocket of the session, without a token. What the server says
    /// to its first message is beyond this.
    async fn web_socket(&self, link_origin: Option<&str>) -> Hop {
        let kind = HopKind::ServerWebSocket;
        let session_id = utf8_percent_encode(self.session_id.as_str(), NON_ALPHANUMERIC);
        let path = self.path.trim_end_matches('/');
        let path = format!("{path}/auth?sessionId={session_id}");
        let gateway = format!("https://{}", self.url.place());
        let origin = link_origin.unwrap_or(&gateway);
        let response = match self.get(&path, upgrade(origin)).await {
            Ok(response) => response,
            Err(error) => {
                return Hop::fail(
                    kind,
                    format!("the DCV server does not answer a WebSocket upgrade: {error}"),
                    "look at the log of the DCV server for this moment",
                );
            }
        };
        let status = response.status().as_u16();
        let origin = escaped(origin, 256);
        let answer = format!(
            "the DCV server answers a WebSocket upgrade at /auth from origin {origin} with {status}"
        );
        match status {
            101 => Hop::ok(kind, answer),
            403 if link_origin.is_none() => Hop::not_checked(
                kind,
                format!("{answer}; give --link, whose origin it must match"),
            ),
            403 => Hop::fail(
                kind,
                answer,
                "let allowed-ws-origin-regex in dcv.conf match this origin",
            ),
            300..=399 => Hop::warn(
                kind,
                answer,
                "check web-url-path and auth-token-verifier in dcv.conf",
            ),
            // A server that knows no WebSocket there.
            200..=299 | 404 | 405 | 501 => Hop::warn(
                kind,
                format!(
                    "{answer}: what listens there may not be a DCV server, or not the one of the session"
                ),
                "check that the port is the web-port of the DCV server, and the path its web-url-path",
            ),
            // What a DCV server answers without a token is not documented.
            _ => Hop::note(kind, answer),
        }
    }

    async fn get(&self, path: &str, headers: HeaderMap) -> Result<Response<Bytes>, RequestError> {
        self.client
            .send(Method::GET, path, headers, Bytes::new())
            .await
    }
}

fn upgrade(origin: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fixed = header::HeaderValue::from_static;
    headers.insert(header::CONNECTION, fixed("Upgrade"));
    headers.insert(header::UPGRADE, fixed("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, fixed("13"));
    // The example of RFC 6455: nothing is sent over the connection.
    let key = fixed("dGhlIHNhbXBsZSBub25jZQ==");
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    // Its text comes from a link.
    if let Ok(origin) = header::HeaderValue::from_str(origin) {
        headers.insert(header::ORIGIN, origin);
    }
    headers
}
