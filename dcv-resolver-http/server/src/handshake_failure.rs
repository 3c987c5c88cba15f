//! [`handshake_failure`]: why a TLS handshake failed.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::failure::Failure;
use crate::first_bytes::Greeting;

/// Returns why a handshake failed. Its client began the connection with
/// `greeting`.
pub(crate) fn handshake_failure(error: &io::Error, greeting: Greeting) -> Failure {
    if greeting == Greeting::ProxyHeader {
        return Failure::ProxyHeaderBeforeTls;
    }
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match (error.kind(), tls) {
        (_, Some(error)) => failure_in_tls(error),
        (io::ErrorKind::TimedOut, None) => Failure::HandshakeTimeout,
        (io::ErrorKind::UnexpectedEof, None) => Failure::HandshakeClosed,
        (_, None) => Failure::HandshakeLost,
    }
}

fn failure_in_tls(error: &Error) -> Failure {
    match error {
        Error::NoCertificatesPresented => Failure::NoClientCertificate,
        Error::InvalidCertificate(error) => failure_in_certificate(error),
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied,
        ) => Failure::ServerCertificateRejected,
        Error::AlertReceived(_) => Failure::HandshakeAborted,
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => Failure::NotTls,
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            // Every client since TLS 1.2 sends this extension. In an older one,
            // it is the first thing that rustls finds missing.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
        ) => Failure::ProtocolVersion,
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoKxGroupsInCommon,
        ) => Failure::NoCommonCipherSuite,
        Error::NoApplicationProtocol => Failure::NoHttp1,
        _ => Failure::HandshakeInvalid,
    }
}

fn failure_in_certificate(error: &CertificateError) -> Failure {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Failure::UnknownCa,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Failure::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Failure::CertificateNotYetValid
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Failure::CertificatePurpose
        }
        _ => Failure::BadCertificate,
    }
}
