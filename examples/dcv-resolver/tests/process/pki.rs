//! Certificates: a CA, and what it issues.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use crate::support::Folder;

/// The name that the server's certificate is for.
pub(crate) const NAME: &str = "resolver.example";

/// Stands above each key, where PEM has room for text, so that nobody who
/// prints the file goes unnoticed.
const MARK: &str = "tr0ub4dor, a key for tests";

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            pem: certificate.pem(),
        }
    }

    /// Writes a certificate for a server of these names, and its key, into
    /// `cert.pem` and `key.pem`.
    pub(crate) fn issue_server(&self, folder: &Folder, names: &[&str]) {
        self.issue_server_until(2199, folder, names);
    }

    /// Writes one that expires when the year begins.
    pub(crate) fn issue_server_until(&self, year: i32, folder: &Folder, names: &[&str]) {
        let purpose = ExtendedKeyUsagePurpose::ServerAuth;
        self.issue(folder, "", names, purpose, year);
    }

    /// Writes a gateway's into `gateway-cert.pem` and `gateway-key.pem`.
    pub(crate) fn issue_gateway(&self, folder: &Folder) {
        let names = ["gateway.example"];
        let purpose = ExtendedKeyUsagePurpose::ClientAuth;
        self.issue(folder, "gateway-", &names, purpose, 2199);
    }

    fn issue(
        &self,
        folder: &Folder,
        prefix: &str,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        until_year: i32,
    ) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![purpose];
        params.not_after = date_time_ymd(until_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        folder.write(&format!("{prefix}cert.pem"), &certificate.pem());
        let key = format!("{MARK}\n{}", key.serialize_pem());
        folder.write(&format!("{prefix}key.pem"), &key);
    }
}
