//! [`Certificate`]: the fields of a certificate that operators need.

use std::error::Error;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use dcv_resolver_core::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
};
use x509_parser::parse_x509_certificate;

/// How long before its expiry a certificate causes a warning.
pub(super) const EXPIRY_WARNING: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The names that a certificate is for, its validity, and its key algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    common_name: Option<String>,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    valid_from: Timestamp,
    expires_at: Timestamp,
    key_algorithm: KeyAlgorithm,
    is_ca: bool,
    is_self_issued: bool,
    is_for_servers: bool,
    subject: String,
    issuer: String,
    key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
    /// The hash of the whole certificate.
    hash: u64,
    public_key: PublicKey,
}

/// A key in DER, which is not worth showing to people.
#[derive(Clone, PartialEq, Eq)]
struct PublicKey(Box<[u8]>);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

/// The algorithm of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// RSA, which every TLS client accepts.
    Rsa,
    /// ECDSA on any curve.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// Another algorithm.
    Other,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
            Self::Ed25519 => "Ed25519",
            Self::Other => "unknown",
        })
    }
}

impl Certificate {
    /// Parses a certificate in DER.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let (rest, certificate) = parse_x509_certificate(der)?;
        if !rest.is_empty() {
            return Err("there is extra data after its end".into());
        }
        let (dns_names, ip_addresses) = alternative_names(&certificate)?;
        let common_name = certificate
            .subject()
            .iter_common_name()
            .find_map(|name| name.as_str().ok())
            .map(str::to_owned);
        let is_for_servers = certificate
            .extended_key_usage()?
            .is_none_or(|usage| usage.value.server_auth || usage.value.any);
        let (key_id, issuer_key_id) = key_ids(&certificate);
        let validity = certificate.validity();
        Ok(Self {
            common_name,
            dns_names,
            ip_addresses,
            valid_from: timestamp(validity.not_before.timestamp()),
            expires_at: timestamp(validity.not_after.timestamp()),
            key_algorithm: key_algorithm(&certificate),
            is_ca: certificate.is_ca(),
            is_self_issued: certificate.subject() == certificate.issuer(),
            is_for_servers,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            key_id,
            issuer_key_id,
            hash: BuildHasherDefault::<DefaultHasher>::default().hash_one(der),
            public_key: PublicKey(certificate.public_key().raw.into()),
        })
    }

    /// Returns whether both, as CAs, admit the same clients: only the name and
    /// the key of a CA count.
    pub(super) fn is_same_ca(&self, other: &Self) -> bool {
        self.subject == other.subject && self.public_key == other.public_key
    }

    /// Returns the common name of the subject. TLS clients do not compare it
    /// with the name that they connect to.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Returns the whole subject, such as `CN=Example Root, O=Example`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the whole name of the CA that issued the certificate.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the DNS names among the subject alternative names.
    #[must_use]
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Returns the IP addresses among the subject alternative names.
    #[must_use]
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.ip_addresses
    }

    /// Returns the first moment at which the certificate is valid.
    #[must_use]
    pub fn valid_from(&self) -> Timestamp {
        self.valid_from
    }

    /// Returns the last moment at which the certificate is valid.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns the algorithm of the certificate's key.
    #[must_use]
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.key_algorithm
    }

    /// Returns the reasons, one sentence each, for which a DCV Connection
    /// Gateway may refuse to connect to a resolver with this certificate, while
    /// other clients may accept it.
    ///
    /// Whether the gateway trusts the issuer depends on `ca-file` in its
    /// `[resolver]` section, not on the certificate.
    ///
    /// Source: *Amazon DCV Connection Gateway Administrator Guide*,
    /// "Configuration File Reference", for the name and the cipher suites, and
    /// its release notes for 2024.0-777.
    #[must_use]
    pub fn gateway_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.dns_names.is_empty() {
            warnings.push(
                "the certificate has no DNS name among its subject alternative names: the gateway's [resolver] url must have one of these as its host".to_owned(),
            );
        }
        if self.key_algorithm != KeyAlgorithm::Rsa {
            warnings.push(format!(
                "the certificate's key is {}: gateways before 2024.0-777 accept only RSA under TLS 1.2",
                self.key_algorithm,
            ));
        }
        warnings
    }

    /// Returns the reasons, one sentence each, for which any TLS client may
    /// refuse this certificate, or soon will.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.is_for_servers {
            warnings.push(
                "the certificate's extended key usage does not include server authentication: no TLS client accepts it from a server".to_owned(),
            );
        }
        if self.is_ca {
            warnings.push(
                "the certificate is a CA certificate: some TLS clients do not accept it from a server; issue a server certificate with the CA".to_owned(),
            );
        }
        if now > self.expires_at {
            warnings.push(format!(
                "the certificate expired at {}: no TLS client accepts it; renew it",
                self.expires_at,
            ));
        } else if now < self.valid_from {
            warnings.push(format!(
                "the certificate is not valid before {}: no TLS client accepts it until then; check the clock, which says {now}",
                self.valid_from,
            ));
        } else if now.saturating_add(EXPIRY_WARNING) >= self.expires_at {
            warnings.push(format!(
                "the certificate expires at {}, less than 14 days from now; renew it",
                self.expires_at,
            ));
        }
        warnings
    }

    /// Returns whether other certificates can be verified with this one.
    ///
    /// A self-signed certificate counts: it admits a single client that has no
    /// CA.
    pub(super) fn can_be_trusted_as_ca(&self) -> bool {
        self.is_ca || self.is_self_issued
    }

    /// Returns whether this certificate can be that of the CA that issued
    /// `other`, by its name and, if both have one, the identifier of its key.
    pub(super) fn can_have_issued(&self, other: &Self) -> bool {
        let same_key = match (&self.key_id, &other.issuer_key_id) {
            (Some(own), Some(of_issuer)) => own == of_issuer,
            _ => true,
        };
        self.subject == other.issuer && same_key
    }

    pub(super) fn is_ca(&self) -> bool {
        self.is_ca
    }
}

/// Returns the identifiers of the key and of its issuer's key (RFC 5280,
/// sections 4.2.1.1 and 4.2.1.2).
fn key_ids(certificate: &X509Certificate<'_>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let (mut own, mut of_issuer) = (None, None);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                of_issuer = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    (own, of_issuer)
}

type Names = (Vec<String>, Vec<IpAddr>);

fn alternative_names(
    certificate: &X509Certificate<'_>,
) -> Result<Names, x509_parser::error::X509Error> {
    let mut dns_names = Vec::new();
    let mut ip_addresses = Vec::new();
    let names = certificate.subject_alternative_name()?;
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => ip_addresses.extend(ip_address(bytes)),
            _ => {}
        }
    }
    Ok((dns_names, ip_addresses))
}

fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into());
    v4.or(v6).ok()
}

fn key_algorithm(certificate: &X509Certificate<'_>) -> KeyAlgorithm {
    let algorithm = &certificate.public_key().algorithm.algorithm;
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        KeyAlgorithm::Rsa
    } else if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        KeyAlgorithm::Ecdsa
    } else if *algorithm == OID_SIG_ED25519 {
        KeyAlgorithm::Ed25519
    } else {
        KeyAlgorithm::Other
    }
}

fn timestamp(unix_s: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_s.saturating_mul(1000))
}
