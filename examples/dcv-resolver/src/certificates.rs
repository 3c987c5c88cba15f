//! Reads and describes the certificates of a configuration.

use std::fmt;

use dcv_resolver_core::{Clock, SystemClock, Timestamp};
use dcv_resolver_server::tls::{Certificate, Tls, TlsFiles};

use crate::config;
use crate::failure::Failure;

/// Reads and checks the files of the gateways' listener. Blocks while it reads.
pub(crate) fn load(files: &config::Tls) -> Result<Tls, Failure> {
    load_files(tls_files(files))
}

/// Reads and checks the files of the operators' listener. Blocks while it reads.
pub(crate) fn load_for_operators(files: &config::Tls) -> Result<Tls, Failure> {
    load_files(tls_files(files).no_gateways())
}

fn tls_files(files: &config::Tls) -> TlsFiles {
    let tls = TlsFiles::new(&files.certificate_file, &files.key_file);
    match &files.client_ca_file {
        Some(client_ca) => tls.client_ca(client_ca),
        None => tls,
    }
}

fn load_files(files: TlsFiles) -> Result<Tls, Failure> {
    Tls::load(files).map_err(|error| Failure::setup(error.to_string()))
}

/// Returns whether clients accept the certificate at this time.
pub(crate) fn is_valid_now(tls: &Tls) -> bool {
    let certificate = tls.certificate();
    (certificate.valid_from()..=certificate.expires_at()).contains(&SystemClock.now())
}

/// Returns when the first certificate of the chain expires.
pub(crate) fn chain_expires_at(tls: &Tls) -> Option<Timestamp> {
    tls.chain().iter().map(Certificate::expires_at).min()
}

/// Returns the name of the CA that clients must know already, which is that of
/// the last issuer.
pub(crate) fn trust_anchor(tls: &Tls) -> Option<String> {
    tls.chain().last().map(|last| last.issuer().to_owned())
}

/// Returns when the first of the client CAs expires, if there are any.
pub(crate) fn client_ca_expires_at(tls: &Tls) -> Option<Timestamp> {
    let cas = tls.client_cas();
    cas.iter().map(Certificate::expires_at).min()
}

/// Displays a certificate in one line.
pub(crate) struct Summary<'a>(pub(crate) &'a Tls);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = self.0.certificate();
        let addresses = certificate.ip_addresses().iter().map(ToString::to_string);
        let names = certificate.dns_names().iter().cloned().chain(addresses);
        let names: Vec<_> = names.collect();
        let names = if names.is_empty() {
            "no name".to_owned()
        } else {
            names.join(", ")
        };
        write!(
            f,
            "for {names}; {} key; until {}",
            certificate.key_algorithm(),
            certificate.expires_at()
        )
    }
}
