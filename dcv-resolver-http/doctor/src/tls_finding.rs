//! [`TlsPeer`]: why TLS with a peer fails, as a cause and a change.

use std::path::PathBuf;
use std::time::Duration;

use dcv_resolver_client::{HttpClient, PeerCertificate, TlsFailure, TlsOptions};
use dcv_resolver_core::escape::escaped;

use crate::hop::{Hop, HopKind};
use crate::url_parts::UrlParts;

const MAX_NAME_BYTES: usize = 256;

/// A peer with TLS, and the settings with which it is checked.
#[derive(Debug)]
pub(crate) struct TlsPeer<'a> {
    /// Who it is, such as "the resolver".
    pub(crate) who: &'static str,
    pub(crate) url: &'a UrlParts,
    /// The setting of the CA file, such as `ca-file of [resolver]`.
    pub(crate) ca_setting: &'static str,
    pub(crate) ca_file: Option<&'a PathBuf>,
    /// What else helps if the certificate is for another name.
    pub(crate) other_name: &'static str,
    /// What to do if it does not accept the client without another certificate.
    pub(crate) client_certificate: &'static str,
    /// What to do if it does not speak TLS.
    pub(crate) not_tls: &'static str,
    /// What to do if it closes the connection during the handshake.
    pub(crate) closed: &'static str,
}

impl TlsPeer<'_> {
    /// Returns the hop that fails for `failure`. Asks the peer for its certificate
    /// if it was not trusted, to name its issuer.
    pub(crate) async fn hop(&self, kind: HopKind, failure: &TlsFailure, limit: Duration) -> Hop {
        let certificate = match failure {
            TlsFailure::UnknownIssuer | TlsFailure::InvalidCertificate => {
                self.certificate(limit).await
            }
            _ => None,
        };
        let (cause, change) = self.finding(failure, certificate.as_ref());
        Hop::fail(kind, cause, change)
    }

    async fn certificate(&self, limit: Duration) -> Option<PeerCertificate> {
        let client = HttpClient::builder(self.url.with_scheme("https").ok()?)
            .tls(TlsOptions::default().strict(false))
            .connect_timeout(limit)
            .build();
        client.ok()?.connect().await.ok()?.tls?.certificate
    }

    fn finding(
        &self,
        failure: &TlsFailure,
        certificate: Option<&PeerCertificate>,
    ) -> (String, String) {
        let Self {
            who,
            url,
            ca_setting,
            ca_file,
            other_name,
            client_certificate,
            not_tls,
            closed,
        } = self;
        let place = url.place();
        match failure {
            TlsFailure::NotTls => (
                format!("{who} does not speak TLS at {place}, but plain HTTP or something else"),
                (*not_tls).to_owned(),
            ),
            // One that is marked as a CA is not even accepted as its own CA.
            TlsFailure::UnknownIssuer | TlsFailure::InvalidCertificate
                if certificate.is_some_and(is_self_signed) =>
            {
                (
                    format!("the certificate of {who} is self-signed: no CA issued it"),
                    format!("issue one from a CA of your own, and set {ca_setting} to that CA"),
                )
            }
            TlsFailure::UnknownIssuer => {
                let issuer = certificate.map_or(String::new(), |certificate| {
                    let issuer = escaped(&certificate.issuer, MAX_NAME_BYTES);
                    format!(": its issuer is {issuer}")
                });
                let trusted = match ca_file {
                    Some(path) => {
                        format!("the CA in {}, the only one that is trusted", path.display())
                    }
                    None => "a CA that the system trusts".to_owned(),
                };
                (
                    format!("the certificate of {who} was not issued by {trusted}{issuer}"),
                    format!("set {ca_setting} to the CA that issued it"),
                )
            }
            TlsFailure::NotValidForName { names } => {
                let names = if names.is_empty() {
                    "no name".to_owned()
                } else {
                    escaped(&names.join(", "), MAX_NAME_BYTES).into_owned()
                };
                let host = escaped(&url.host, MAX_NAME_BYTES);
                (
                    format!("the certificate of {who} is for {names}, not for {host}"),
                    format!("issue one for {host}, or {other_name}"),
                )
            }
            TlsFailure::ClientCertificateRequired => (
                format!("{who} requires a client certificate, and none is configured"),
                (*client_certificate).to_owned(),
            ),
            TlsFailure::ClientCertificateRefused => (
                format!("{who} refuses the client certificate"),
                (*client_certificate).to_owned(),
            ),
            TlsFailure::Expired { .. } | TlsFailure::NotYetValid { .. } => (
                format!("{who} {failure}"),
                "renew the certificate, and check the clocks of both machines".to_owned(),
            ),
            TlsFailure::Incompatible => (
                format!("{who} {failure}"),
                "use an RSA certificate for gateways before 2024.0-777, and check minimum-tls-version".to_owned(),
            ),
            TlsFailure::Closed => (
                format!("{who} {failure} at {place}"),
                (*closed).to_owned(),
            ),
            other => (
                format!("TLS fails at {place}: {who} {other}"),
                "look at the log of the other side for this moment".to_owned(),
            ),
        }
    }
}

fn is_self_signed(certificate: &PeerCertificate) -> bool {
    certificate.issuer == certificate.subject
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(failure: &TlsFailure, ca_file: Option<&PathBuf>) -> String {
        let url = UrlParts::parse("https://resolver.example:9000").unwrap();
        let peer = TlsPeer {
            who: "the resolver",
            url: &url,
            ca_setting: "`ca-file` of [resolver]",
            ca_file,
            other_name: "use one of these names in the url",
            client_certificate: "set cert-file",
            not_tls: "start the url with http://",
            closed: "look at allowed_networks",
        };
        let (cause, change) = peer.finding(failure, None);
        format!("{cause}; {change}")
    }

    #[test]
    fn each_failure_has_its_change() {
        let ca_file = PathBuf::from("/etc/ca.pem");
        let other_name = TlsFailure::NotValidForName {
            names: vec!["other.example".to_owned()],
        };
        for (failure, ca_file, expected) in [
            (TlsFailure::NotTls, None, "start the url with http://"),
            (
                TlsFailure::UnknownIssuer,
                Some(&ca_file),
                "the CA in /etc/ca.pem",
            ),
            (
                TlsFailure::UnknownIssuer,
                None,
                "a CA that the system trusts",
            ),
            (
                other_name,
                None,
                "is for other.example, not for resolver.example",
            ),
            (TlsFailure::ClientCertificateRequired, None, "set cert-file"),
            (TlsFailure::ClientCertificateRefused, None, "set cert-file"),
            (TlsFailure::Expired { expired_at: None }, None, "renew"),
            (TlsFailure::Incompatible, None, "RSA"),
            (TlsFailure::Closed, None, "look at allowed_networks"),
            (TlsFailure::Other, None, "the log of the other side"),
        ] {
            let text = finding(&failure, ca_file);
            assert!(text.contains(expected), "{text}");
        }
    }
}
