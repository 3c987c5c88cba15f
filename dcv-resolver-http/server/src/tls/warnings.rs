//! What is not an error, but should be changed: certificates that have expired,
//! are missing, or do not belong in their file.

use std::path::Path;

use dcv_resolver_core::Timestamp;

use super::certificate::{Certificate, EXPIRY_WARNING};

/// Warns about the issuers that follow the server's own certificate.
///
/// Whether a client needs more than these is not known here: the issuer of the
/// last one must be among those that the client trusts.
pub(super) fn of_chain(path: &Path, chain: &[Certificate], now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, certificate) in chain.iter().enumerate().skip(1) {
        let what = what(path, index, certificate);
        if let Some(date) = date(certificate, now) {
            warnings.push(format!(
                "{what} {date}: clients refuse the chain; replace it with the current certificate of this CA"
            ));
        }
        if let Some(other) = repeats(chain, index) {
            warnings.push(format!(
                "{what} repeats certificate {}; remove it",
                other + 1
            ));
            continue;
        }
        if !certificate.is_ca() {
            warnings.push(format!("{what} is not a CA certificate; remove it"));
        }
        let before = chain.get(..index).unwrap_or_default();
        let issued = |other: &Certificate| certificate.can_have_issued(other);
        if before.last().is_none_or(issued) {
            continue;
        }
        warnings.push(if before.iter().any(issued) {
            format!("{what} is out of order: after the server's own, each certificate must be that of the CA which issued the one before it")
        } else {
            format!("{what} issued none of the certificates before it: put the missing certificate, of {}, in front of it, or remove it", missing(before))
        });
    }
    warnings
}

/// Warns about client CAs.
pub(super) fn of_client_cas(path: &Path, cas: &[Certificate], now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, ca) in cas.iter().enumerate() {
        let what = what(path, index, ca);
        if let Some(other) = repeats(cas, index) {
            warnings.push(format!(
                "{what} repeats certificate {}; remove it",
                other + 1
            ));
        } else if let Some(date) = date(ca, now) {
            warnings.push(format!(
                "{what} {date}: its clients are still admitted, since only the key of a client CA counts; replace it, or remove it to refuse them"
            ));
        }
    }
    warnings
}

fn what(path: &Path, index: usize, certificate: &Certificate) -> String {
    let (number, subject) = (index + 1, certificate.subject());
    format!("certificate {number} in {} ({subject})", path.display())
}

/// Says what is wrong with the validity, if anything is.
fn date(certificate: &Certificate, now: Timestamp) -> Option<String> {
    let (from, until) = (certificate.valid_from(), certificate.expires_at());
    if now > until {
        Some(format!("expired at {until}"))
    } else if now < from {
        Some(format!("is not valid before {from}"))
    } else if now.saturating_add(EXPIRY_WARNING) >= until {
        Some(format!("expires at {until}, less than 14 days from now"))
    } else {
        None
    }
}

fn repeats(certificates: &[Certificate], index: usize) -> Option<usize> {
    let certificate = certificates.get(index)?;
    let first = certificates.iter().position(|other| other == certificate)?;
    (first != index).then_some(first)
}

/// Returns who issued the last certificate.
fn missing(before: &[Certificate]) -> &str {
    before.last().map_or("", Certificate::issuer)
}
