//! The connection to the resolver: name, port and TLS, with the settings of the
//! gateway.

use std::path::PathBuf;

use dcv_resolver_client::{
    BaseUrl, ConnectionReport, HttpClient, InvalidBaseUrl, PeerCertificate, RequestError,
    RequestErrorKind, TlsFailure, TlsOptions, TlsReport, TlsVersion,
};
use dcv_resolver_core::escape::escaped;
use dcv_resolver_dcv_config::ResolverSection;

use super::gateway_config::other_listener;
use crate::gateway_tls::resolver_tls;
use crate::hop::{Hop, HopKind};
use crate::resolver_listener::ResolverListener;
use crate::time_limits::{CONNECT, RESPONSE};
use crate::tls_files::no_client;
use crate::tls_finding::TlsPeer;
use crate::url_parts::UrlParts;

const MAX_NAMES_BYTES: usize = 256;

/// What to do if the resolver closes the connection without a word.
pub(crate) const MAY_BE_REFUSED: &str = "look at the log of the resolver: it may not allow this address (`allowed_networks` of [callers]), or expect the PROXY protocol";

/// How the gateway asks the resolver.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: HttpClient,
    pub(crate) url: UrlParts,
    ca_file: Option<PathBuf>,
    has_certificate: bool,
}

impl Connection {
    /// Builds the client with exactly the settings of the gateway.
    pub(crate) fn new(url: &str, section: Option<&ResolverSection>) -> Result<Self, Hop> {
        let parts = UrlParts::parse(url).ok_or_else(|| {
            Hop::fail(
                HopKind::ResolverName,
                "the URL of the resolver is not a URL with a host",
                "correct the url of [resolver]",
            )
        })?;
        let base_url: BaseUrl = url.parse().map_err(|error: InvalidBaseUrl| {
            Hop::fail(HopKind::ResolverName, error.to_string(), "correct the URL")
        })?;
        let client = HttpClient::builder(base_url)
            .tls(section.map_or_else(TlsOptions::default, resolver_tls))
            .connect_timeout(CONNECT)
            .response_timeout(RESPONSE)
            .build()
            .map_err(|error| {
                let (name, tls) = (HopKind::ResolverName, HopKind::ResolverTls);
                no_client(&error, name, tls, "[resolver]")
            })?;
        Ok(Self {
            client,
            url: parts,
            ca_file: section.and_then(|section| section.ca_file.clone()),
            has_certificate: section.is_some_and(|section| section.cert_file.is_some()),
        })
    }

    /// Connects. Returns the hops, and whether the resolver was reached.
    pub(crate) async fn check(&self, listener: Option<&ResolverListener>) -> (Vec<Hop>, bool) {
        match self.client.connect().await {
            Ok(report) => (self.reached(&report), true),
            Err(error) => (self.failed(&error, listener).await, false),
        }
    }

    fn reached(&self, report: &ConnectionReport) -> Vec<Hop> {
        let mut hops = vec![
            Hop::ok(HopKind::ResolverName, addresses(report)),
            Hop::ok(
                HopKind::ResolverPort,
                format!("{} accepts connections", report.peer),
            ),
        ];
        if let Some(tls) = &report.tls {
            hops.push(Hop::ok(HopKind::ResolverTls, tls_summary(tls)));
        }
        hops
    }

    async fn failed(&self, error: &RequestError, listener: Option<&ResolverListener>) -> Vec<Hop> {
        let name =
            |cause: String, change: &str| vec![Hop::fail(HopKind::ResolverName, cause, change)];
        match error.kind() {
            RequestErrorKind::Dns => name(
                format!("the name of the resolver does not resolve here: {error}"),
                "correct the name in the url of [resolver], or add it to DNS or /etc/hosts of the gateway",
            ),
            RequestErrorKind::DnsTimeout => name(
                format!("the DNS servers of this machine do not answer: {error}"),
                "correct the DNS servers of the gateway, or add the name to its /etc/hosts",
            ),
            RequestErrorKind::InvalidUrl => name(
                error.to_string(),
                "use a domain name in the url of [resolver]",
            ),
            RequestErrorKind::Tls | RequestErrorKind::TlsTimeout => {
                let port = format!("{} accepts connections", self.url.place());
                vec![
                    self.resolves(),
                    Hop::ok(HopKind::ResolverPort, port),
                    self.tls_failed(error).await,
                ]
            }
            _ => {
                let known = listener.and_then(|listener| other_listener(&self.url, listener));
                let (cause, change) = known.unwrap_or_else(|| self.port_closed(error));
                vec![
                    self.resolves(),
                    Hop::fail(HopKind::ResolverPort, cause, change),
                ]
            }
        }
    }

    fn resolves(&self) -> Hop {
        let host = escaped(&self.url.host, MAX_NAMES_BYTES);
        Hop::ok(HopKind::ResolverName, format!("{host} resolves"))
    }

    fn port_closed(&self, error: &RequestError) -> (String, String) {
        let change = if error.kind() == RequestErrorKind::ConnectTimeout {
            let place = self.url.place();
            format!("let firewalls pass TCP from every gateway to {place}")
        } else {
            "start the resolver, or correct the port in the url of [resolver]".to_owned()
        };
        (format!("no connection to the resolver: {error}"), change)
    }

    /// Returns the hop of a failure of TLS, before or after the handshake.
    pub(crate) async fn tls_failed(&self, error: &RequestError) -> Hop {
        let Some(failure) = error.tls_failure() else {
            return Hop::fail(
                HopKind::ResolverTls,
                error.to_string(),
                format!(
                    "check that what listens on port {} is the resolver, and look at its log",
                    self.url.port()
                ),
            );
        };
        let kind = match failure {
            TlsFailure::ClientCertificateRequired | TlsFailure::ClientCertificateRefused => {
                HopKind::ClientCertificate
            }
            _ => HopKind::ResolverTls,
        };
        let peer = TlsPeer {
            who: "the resolver",
            url: &self.url,
            ca_setting: "ca-file of [resolver]",
            ca_file: self.ca_file.as_ref(),
            other_name: "use one of its names in the url of [resolver]",
            client_certificate: "set cert-file and cert-key-file of [resolver] to a valid certificate that its client CA issued, and to its key",
            not_tls: "start the url of [resolver] with http://, or switch TLS on there",
            closed: MAY_BE_REFUSED,
        };
        peer.hop(kind, failure, CONNECT).await
    }

    /// Returns the hop of the client certificate, once a response has arrived: in
    /// TLS 1.3, a server refuses it after the handshake.
    pub(crate) fn client_certificate_accepted(&self) -> Option<Hop> {
        let detail = match (self.url.is_tls(), self.has_certificate) {
            (false, _) => return None,
            (true, true) => "the one of cert-file is accepted, or none is required",
            (true, false) => "none is required",
        };
        Some(Hop::ok(HopKind::ClientCertificate, detail))
    }

    /// Returns the hop of a URL with `http://` whose port speaks TLS, if that is
    /// why there was no response.
    pub(crate) async fn speaks_tls(&self) -> Option<Hop> {
        if self.url.is_tls() {
            return None;
        }
        let client = HttpClient::builder(self.url.with_scheme("https").ok()?)
            .tls(TlsOptions::default().strict(false))
            .connect_timeout(CONNECT)
            .build()
            .ok()?;
        let speaks_tls = match client.connect().await {
            Ok(report) => report.tls.is_some(),
            // It takes part in the handshake.
            Err(error) => matches!(
                error.tls_failure(),
                Some(
                    TlsFailure::ClientCertificateRequired
                        | TlsFailure::ClientCertificateRefused
                        | TlsFailure::Incompatible
                )
            ),
        };
        speaks_tls.then(|| {
            Hop::fail(
                HopKind::ResolverTls,
                format!(
                    "the resolver speaks TLS at {}, but the URL starts with http://",
                    self.url.place()
                ),
                "start the url of [resolver] with https://",
            )
        })
    }
}

/// Returns the addresses of a name.
pub(crate) fn addresses(report: &ConnectionReport) -> String {
    let addresses = report.addresses.iter().map(|it| it.ip().to_string());
    let mut addresses: Vec<_> = addresses.collect();
    addresses.dedup();
    format!("resolves to {}", addresses.join(", "))
}

/// Returns the version, and the names and the expiry of the certificate.
pub(crate) fn tls_summary(tls: &TlsReport) -> String {
    let version = match tls.version {
        Some(TlsVersion::Tls12) => "TLS 1.2",
        Some(TlsVersion::Tls13) => "TLS 1.3",
        _ => "TLS",
    };
    match &tls.certificate {
        Some(certificate) => format!("{version}, {}", certificate_summary(certificate)),
        None => version.to_owned(),
    }
}

fn certificate_summary(certificate: &PeerCertificate) -> String {
    let addresses = certificate.ip_addresses.iter().map(ToString::to_string);
    let names = certificate.dns_names.iter().cloned().chain(addresses);
    let names: Vec<_> = names.collect();
    let names = names.join(", ");
    let names = escaped(&names, MAX_NAMES_BYTES);
    format!("a certificate for {names} until {}", certificate.expires_at)
}
