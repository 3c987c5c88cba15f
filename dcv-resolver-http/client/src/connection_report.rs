//! [`ConnectionReport`]: how a connection was established.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dcv_resolver_core::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::tls_options::TlsVersion;

/// How a connection was established.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionReport {
    /// The addresses of the host name, in the order in which they are tried.
    pub addresses: Vec<SocketAddr>,
    /// The address that accepted the connection.
    pub peer: SocketAddr,
    /// The TLS connection, if the URL is `https`.
    pub tls: Option<TlsReport>,
}

/// What the server and the client agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsReport {
    /// The version in use, if it is one that is known here.
    pub version: Option<TlsVersion>,
    /// The server's certificate, if it can be parsed.
    pub certificate: Option<PeerCertificate>,
}

/// The fields of a server's certificate that operators need.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The subject, such as `CN=resolver.example`.
    pub subject: String,
    /// The name of the CA that issued it.
    pub issuer: String,
    /// The DNS names that it is for.
    pub dns_names: Vec<String>,
    /// The addresses that it is for.
    pub ip_addresses: Vec<IpAddr>,
    /// The first moment at which it is valid.
    pub valid_from: Timestamp,
    /// The last moment at which it is valid.
    pub expires_at: Timestamp,
}

impl PeerCertificate {
    /// Parses a certificate in DER.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, Box<dyn Error>> {
        let (_, certificate) = parse_x509_certificate(der)?;
        let (mut dns_names, mut ip_addresses) = (Vec::new(), Vec::new());
        let names = certificate.subject_alternative_name()?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => ip_addresses.extend(ip_address(bytes)),
                _ => {}
            }
        }
        let validity = certificate.validity();
        Ok(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            dns_names,
            ip_addresses,
            valid_from: timestamp(validity.not_before.timestamp()),
            expires_at: timestamp(validity.not_after.timestamp()),
        })
    }
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into());
    v4.or(v6).ok()
}

fn timestamp(unix_s: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_s.saturating_mul(1000))
}
