//! [`cause`]: why a TLS handshake failed, and what an operator can do about it.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// Returns why a handshake failed and, where the gateway's configuration can be
/// the cause, what to check there.
pub(crate) fn cause(error: &io::Error) -> &'static str {
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (error.kind(), tls) {
        (_, Some(error)) => cause_in_tls(error),
        (io::ErrorKind::TimedOut, None) => "the client did not finish in time",
        (io::ErrorKind::UnexpectedEof, None) => {
            "the client disconnected, perhaps because it does not accept the server's certificate"
        }
        (_, None) => "the connection failed",
    }
}

fn cause_in_tls(error: &Error) -> &'static str {
    match error {
        Error::NoCertificatesPresented => {
            "the client sent no certificate; check cert-file in the gateway's [resolver] section"
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
            "the client does not accept the server's certificate; check ca-file and the host name in url in the gateway's [resolver] section"
        }
        Error::AlertReceived(_) => "the client aborted the handshake",
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the client does not speak TLS; check that url in the gateway's [resolver] section begins with https"
        }
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            // Every client since TLS 1.2 sends this extension, and rustls
            // misses it first in an older one.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
        ) => "the client supports neither TLS 1.2 nor TLS 1.3",
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoKxGroupsInCommon,
        ) => {
            "client and server share no cipher suite; gateways before 2024.0-777 accept only an RSA key under TLS 1.2"
        }
        Error::NoApplicationProtocol => "the client does not offer HTTP/1.1",
        _ => "the client violated the TLS protocol",
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
            "the client's certificate is not for client authentication"
        }
        _ => "the client's certificate is invalid",
    }
}
