//! Certificates in the folder of a configuration.

pub(crate) use dcv_resolver_test_support::pki::Ca;
use dcv_resolver_test_support::pki::rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use crate::support::Folder;

/// The name that the server's certificate is for.
pub(crate) const NAME: &str = "resolver.example";

/// Writes a certificate for a server of these names, and its key, into
/// `cert.pem` and `key.pem`.
pub(crate) fn issue_server(ca: &Ca, folder: &Folder, names: &[&str]) {
    issue_server_until(ca, 2199, folder, names);
}

/// Writes one that expires when the year begins.
pub(crate) fn issue_server_until(ca: &Ca, year: i32, folder: &Folder, names: &[&str]) {
    let purpose = ExtendedKeyUsagePurpose::ServerAuth;
    issue(ca, folder, "", names, purpose, year);
}

/// Writes a certificate for a gateway into `gateway-cert.pem` and
/// `gateway-key.pem`.
pub(crate) fn issue_gateway(ca: &Ca, folder: &Folder) {
    let names = ["gateway.example"];
    let purpose = ExtendedKeyUsagePurpose::ClientAuth;
    issue(ca, folder, "gateway-", &names, purpose, 2199);
}

fn issue(
    ca: &Ca,
    folder: &Folder,
    prefix: &str,
    names: &[&str],
    purpose: ExtendedKeyUsagePurpose,
    until_year: i32,
) {
    let pair = ca.issue(names, |params| {
        params.extended_key_usages = vec![purpose];
        params.not_after = date_time_ymd(until_year, 1, 1);
    });
    folder.write(&format!("{prefix}cert.pem"), &pair.certificate);
    folder.write(&format!("{prefix}key.pem"), &pair.key);
}
