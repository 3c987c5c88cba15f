//! [`Handshakes`]: from TCP to TLS, or to a reason why not.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dcv_resolver_http::LogThrottle;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

use super::connections::Connections;
use super::tls::Tls;

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

/// The handshakes of all connections of a server.
#[derive(Debug)]
pub(super) struct Handshakes {
    tls: Tls,
    connections: Connections,
    warnings: LogThrottle<()>,
}

impl Handshakes {
    pub(super) fn new(tls: Tls, connections: Connections) -> Self {
        Self {
            tls,
            connections,
            warnings: LogThrottle::new(WARNING_WINDOW, |(), suppressed| {
                tracing::warn!(suppressed = suppressed.count, "more TLS handshakes failed");
            }),
        }
    }

    /// Begins one, with the certificate that is current now.
    pub(super) fn begin<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.tls.config()).accept(stream)
    }

    /// Counts and tells one that came to nothing. Anybody can make handshakes
    /// fail, any number of them: a warning comes once a minute. But one must
    /// come, or nobody would know why a gateway does not connect.
    pub(super) fn failed(&self, peer: SocketAddr, error: &io::Error) {
        let failed_total = self.connections.tls_handshake_failed();
        let cause = cause(error);
        if self.warnings.allows(()) {
            tracing::warn!(%peer, %error, failed_total, "a TLS handshake failed: {cause}");
        } else {
            tracing::debug!(%peer, %error, failed_total, "a TLS handshake failed: {cause}");
        }
    }
}

/// What an operator can do something about.
fn cause(error: &io::Error) -> &'static str {
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (error.kind(), tls) {
        (_, Some(error)) => cause_in_tls(error),
        (io::ErrorKind::TimedOut, None) => "the client took too long",
        (io::ErrorKind::UnexpectedEof, None) => {
            "the client left in the middle of it, perhaps because it does not accept the server's certificate"
        }
        (_, None) => "the connection broke",
    }
}

fn cause_in_tls(error: &Error) -> &'static str {
    match error {
        Error::NoCertificatesPresented => {
            "the client has shown no certificate; a gateway shows the cert-file of its [resolver] section"
        }
        Error::InvalidCertificate(error) => cause_in_certificate(error),
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied,
        ) => {
            "the client does not accept the server's certificate; a gateway checks it against the ca-file and the name in the url of its [resolver] section"
        }
        Error::AlertReceived(_) => "the client has given up",
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the client does not speak TLS; a gateway does if the url in its [resolver] section begins with https"
        }
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            // What every client sends since TLS 1.2, and the first thing that
            // an older one is found to lack.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
        ) => "the client speaks neither TLS 1.2 nor TLS 1.3",
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoKxGroupsInCommon,
        ) => {
            "client and server share no cipher suite; a gateway before 2024.0-777 has none for a key other than RSA under TLS 1.2"
        }
        Error::NoApplicationProtocol => "the client does not speak HTTP/1.1",
        _ => "the client does not keep to the protocol",
    }
}

fn cause_in_certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the client's certificate was issued by none of the client CAs"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the client's certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the client's certificate is not valid yet"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the client's certificate is not meant for clients"
        }
        _ => "the client's certificate is not acceptable",
    }
}
