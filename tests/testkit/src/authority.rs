//! [`Authority`]: a certificate authority for one test.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

use crate::identity::Identity;
use crate::start_error::StartError;

/// A certificate authority that lives as long as one stand-in.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, as PEM.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self, StartError> {
        let create = || {
            let mut params = params(name, &[])?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate()?;
            let pem = params.self_signed(&key)?.pem();
            let issuer = Issuer::new(params, key);
            Ok(Self { issuer, pem })
        };
        create().map_err(|error: rcgen::Error| StartError::new("cannot create a CA", error))
    }

    /// Issues a certificate for these names and addresses, of a server or of a
    /// client such as a gateway.
    pub(crate) fn issue(&self, names: &[String]) -> Result<Identity, StartError> {
        let issue = || {
            // A certificate with the authority's own subject would count as
            // self-signed.
            let mut params = params("a DCV stand-in", names)?;
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            let key = KeyPair::generate()?;
            Ok(Identity {
                certificate: params.signed_by(&key, &self.issuer)?.pem(),
                key: key.serialize_pem(),
            })
        };
        issue().map_err(|error: rcgen::Error| {
            let what = format!("cannot issue a certificate for {}", names.join(", "));
            StartError::new(what, error)
        })
    }
}

fn params(common_name: &str, names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}
