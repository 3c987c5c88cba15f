//! Certificate authorities, and what they issue.

pub use rcgen;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Stands above each key, where PEM has room for text, so that the search for
/// printed secrets finds a key that a test prints.
pub const MARK: &str = "tr0ub4dor, a key for tests";

/// A certificate authority.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate, as PEM.
    pub pem: String,
}

/// A certificate and its key, both as PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Ca {
    /// Creates an authority with the common name `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            pem: certificate.pem(),
        }
    }

    /// Issues a certificate for `names`, with an ECDSA key, after `change`.
    #[must_use]
    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        self.issue_for(&KeyPair::generate().unwrap(), names, change)
    }

    /// Issues a certificate for `names` and `key`, after `change`.
    #[must_use]
    pub fn issue_for(
        &self,
        key: &KeyPair,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        // A certificate with the authority's own subject would count as
        // self-signed.
        let mut params = params("a test", names);
        change(&mut params);
        pair(&params.signed_by(key, &self.issuer).unwrap(), key)
    }
}

/// Issues a certificate that is signed with its own key.
#[must_use]
pub fn self_signed(name: &str) -> Pair {
    let key = KeyPair::generate().unwrap();
    pair(&params(name, &[name]).self_signed(&key).unwrap(), &key)
}

fn pair(certificate: &rcgen::Certificate, key: &KeyPair) -> Pair {
    Pair {
        certificate: certificate.pem(),
        key: format!("{MARK}\n{}", key.serialize_pem()),
    }
}

fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}
