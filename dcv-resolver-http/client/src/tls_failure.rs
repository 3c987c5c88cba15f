//! [`TlsFailure`]: why there is no TLS connection.

use std::error::Error;
use std::fmt;
use std::io;

use dcv_resolver_core::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::client_certificate::ClientCertificate;

/// The reason why there is no TLS connection. Displays as a clause that follows
/// the name of the server, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server does not speak TLS.
    NotTls,
    /// No CA that is trusted issued the server's certificate.
    UnknownIssuer,
    /// The server's certificate does not name the host of the URL.
    NotValidForName {
        /// The DNS names and addresses of the certificate.
        names: Vec<String>,
    },
    /// The server's certificate has expired.
    Expired {
        /// When it expired, if that is known.
        expired_at: Option<Timestamp>,
    },
    /// The server's certificate is not valid yet, or the local clock is wrong.
    NotYetValid {
        /// When it becomes valid, if that is known.
        valid_from: Option<Timestamp>,
    },
    /// The server's certificate is invalid in another way: for example, it is
    /// the certificate of a CA or of a client.
    InvalidCertificate,
    /// The server requires a client certificate, and none is configured.
    ClientCertificateRequired,
    /// The server refuses the client certificate.
    ClientCertificateRefused,
    /// The server offers no TLS version, or no cipher suite, that the client
    /// allows.
    Incompatible,
    /// The server closed the connection during the handshake.
    Closed,
    /// Anything else.
    Other,
}

impl TlsFailure {
    /// Returns what the error of a handshake, or of the first read after it,
    /// means. One that is not of TLS is a connection that ended.
    pub(crate) fn of(error: &io::Error, certificate: ClientCertificate) -> Self {
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
            return Self::Closed;
        };
        match tls {
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            rustls::Error::InvalidCertificate(error) => Self::of_certificate(error),
            rustls::Error::AlertReceived(alert) => {
                Self::of_alert(*alert, certificate).unwrap_or(Self::Other)
            }
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::NoCipherSuitesInCommon,
            ) => Self::Incompatible,
            _ => Self::Other,
        }
    }

    /// As [`of`](Self::of), for an error that has the one of TLS somewhere below.
    pub(crate) fn below(
        error: &(dyn Error + 'static),
        certificate: ClientCertificate,
    ) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io
                    .get_ref()
                    .is_some_and(|inner| inner.is::<rustls::Error>())
            {
                return Some(Self::of(io, certificate));
            }
            next = error.source();
        }
        None
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForName => Self::NotValidForName { names: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => Self::NotValidForName {
                names: presented.iter().map(|name| bare_name(name)).collect(),
            },
            CertificateError::Expired => Self::Expired { expired_at: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired {
                expired_at: Some(timestamp(*not_after)),
            },
            CertificateError::NotValidYet => Self::NotYetValid { valid_from: None },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid {
                valid_from: Some(timestamp(*not_before)),
            },
            _ => Self::InvalidCertificate,
        }
    }

    fn of_alert(alert: AlertDescription, certificate: ClientCertificate) -> Option<Self> {
        let of_certificate = match certificate {
            ClientCertificate::NotAsked => None,
            ClientCertificate::Missing => Some(Self::ClientCertificateRequired),
            ClientCertificate::Presented => Some(Self::ClientCertificateRefused),
        };
        match alert {
            AlertDescription::CertificateRequired => Some(Self::ClientCertificateRequired),
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => of_certificate,
            // TLS 1.2 has no alert of its own for a missing certificate. A server
            // asks for one only after both sides agreed on a cipher suite.
            AlertDescription::HandshakeFailure => of_certificate.or(Some(Self::Incompatible)),
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
                Some(Self::Incompatible)
            }
            _ => None,
        }
    }
}

/// Returns the name in `DnsName("ws.example")` or `IpAddress(192.0.2.1)`, which
/// is how rustls shows the names of a certificate.
fn bare_name(shown: &str) -> String {
    let inner = shown
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(shown).trim_matches('"').to_owned()
}

fn timestamp(time: UnixTime) -> Timestamp {
    let unix_s = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(unix_s.saturating_mul(1000))
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("does not speak TLS; use http://, or the port with TLS"),
            Self::UnknownIssuer => f.write_str(
                "has a certificate that no trusted CA issued; trust the CA that issued it",
            ),
            Self::NotValidForName { names } if names.is_empty() => f.write_str(
                "has a certificate that does not name it; use the name in the certificate",
            ),
            Self::NotValidForName { names } => write!(
                f,
                "has a certificate for {}; use one of these names",
                names.join(", ")
            ),
            Self::Expired { expired_at: None } => f.write_str("has a certificate that has expired"),
            Self::Expired {
                expired_at: Some(expired_at),
            } => write!(f, "has a certificate that expired at {expired_at}"),
            Self::NotYetValid { valid_from: None } => {
                f.write_str("has a certificate that is not valid yet; check the clocks")
            }
            Self::NotYetValid {
                valid_from: Some(valid_from),
            } => write!(
                f,
                "has a certificate that is not valid before {valid_from}; check the clocks"
            ),
            Self::InvalidCertificate => {
                f.write_str("has a certificate that is not valid for a server")
            }
            Self::ClientCertificateRequired => {
                f.write_str("requires a client certificate, and none is configured")
            }
            Self::ClientCertificateRefused => f.write_str(
                "refuses the client certificate; use one that is valid and issued by its client CA",
            ),
            Self::Incompatible => f.write_str(
                "offers no combination of TLS version and cipher suite that is allowed here",
            ),
            Self::Closed => f.write_str("closed the connection during the TLS handshake"),
            Self::Other => f.write_str("failed the TLS handshake"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_handshake_is_about_the_certificate_only_if_one_was_asked_for() {
        use ClientCertificate::{Missing, NotAsked, Presented};
        let incompatible = TlsFailure::Incompatible;
        for (certificate, handshake_failure, bad_certificate) in [
            (NotAsked, incompatible, TlsFailure::Other),
            (
                Missing,
                TlsFailure::ClientCertificateRequired,
                TlsFailure::ClientCertificateRequired,
            ),
            (
                Presented,
                TlsFailure::ClientCertificateRefused,
                TlsFailure::ClientCertificateRefused,
            ),
        ] {
            let of = |alert| {
                let error = io::Error::other(rustls::Error::AlertReceived(alert));
                TlsFailure::of(&error, certificate)
            };
            assert_eq!(of(AlertDescription::HandshakeFailure), handshake_failure);
            assert_eq!(of(AlertDescription::BadCertificate), bad_certificate);
        }
    }
}
