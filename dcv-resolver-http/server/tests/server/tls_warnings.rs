//! Certificates that are served, and should be replaced.

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_core::{Clock, Timestamp};
use dcv_resolver_server::tls::Reload;
use dcv_resolver_test_support::pki::rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use dcv_resolver_test_support::pki::{Ca, Pair};

use crate::pki::{Files, NAME, server_pair};
use crate::tls_files::time;

/// A CA whose issuers can be other CAs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Valid until the start of the year.
    fn new(name: &str, issuer: Option<&Self>, until: i32) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.use_authority_key_identifier_extension = true;
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = match issuer {
            None => params.self_signed(&key),
            Some(issuer) => params.signed_by(&key, &issuer.issuer),
        };
        let pem = certificate.unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    fn issue(&self, until: i32) -> Pair {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.use_authority_key_identifier_extension = true;
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// Returns the warnings, but that of ECDSA, with files named without their
/// folder.
fn warnings(files: &Files, now: Timestamp) -> Vec<String> {
    let tls = files.try_load(ManualClock::new(now)).unwrap();
    let folder = files.path("");
    let warnings = tls.warnings().into_iter();
    warnings
        .filter(|warning| !warning.contains("ECDSA"))
        .map(|warning| warning.replace(&*folder.to_string_lossy(), ""))
        .collect()
}

/// Returns the warnings for a chain.
fn of_chain(pair: &Pair, issuers: &[&Authority]) -> Vec<String> {
    let issuers: String = issuers.iter().map(|issuer| issuer.pem.as_str()).collect();
    let certificate = format!("{}{issuers}", pair.certificate);
    let key = pair.key.clone();
    let files = Files::new(&Pair { certificate, key });
    warnings(&files, ManualClock::default().now())
}

#[test]
fn chain_is_checked_for_order_and_completeness() {
    let root = Authority::new("root", None, 2050);
    let outer = Authority::new("outer", Some(&root), 2050);
    let inner = Authority::new("inner", Some(&outer), 2050);
    let pair = inner.issue(2050);
    for complete in [
        &[][..],
        &[&inner],
        &[&inner, &outer],
        &[&inner, &outer, &root],
    ] {
        assert_eq!(of_chain(&pair, complete), [""; 0]);
    }
    assert_eq!(
        of_chain(&pair, &[&outer]),
        [
            "certificate 2 in cert.pem (CN=outer) issued none of the certificates before it: put the missing certificate, of CN=inner, in front of it, or remove it"
        ]
    );
    assert_eq!(
        of_chain(&pair, &[&inner, &root]),
        [
            "certificate 3 in cert.pem (CN=root) issued none of the certificates before it: put the missing certificate, of CN=outer, in front of it, or remove it"
        ]
    );
    let reversed = of_chain(&pair, &[&outer, &inner]);
    assert!(
        reversed[1].starts_with("certificate 3 in cert.pem (CN=inner) is out of order: "),
        "{reversed:?}"
    );
    assert_eq!(
        of_chain(&pair, &[&inner, &inner]),
        ["certificate 3 in cert.pem (CN=inner) repeats certificate 2; remove it"]
    );
    // Of the same name, but with another key.
    let renewed = Authority::new("inner", Some(&outer), 2050);
    let other_key = of_chain(&pair, &[&renewed]);
    assert!(
        other_key[0].contains("(CN=inner) issued none of the certificates before it"),
        "{other_key:?}"
    );
}

#[test]
fn each_certificate_that_expired_is_named() {
    let root = Authority::new("root", None, 2050);
    let expired = Authority::new("inner", Some(&root), 2029);
    assert_eq!(
        of_chain(&expired.issue(2050), &[&expired, &root]),
        [
            "certificate 2 in cert.pem (CN=inner) expired at 2029-01-01T00:00:00Z: clients refuse the chain; replace it with the current certificate of this CA"
        ]
    );

    let files = Files::with_client_ca(&root.issue(2050), &format!("{}{}", root.pem, expired.pem));
    assert_eq!(
        warnings(&files, time("2030-01-01T00:00:00Z")),
        [
            "certificate 2 in client-ca.pem (CN=inner) expired at 2029-01-01T00:00:00Z: its clients are still admitted, since only the key of a client CA counts; replace it, or remove it to refuse them"
        ]
    );
    let soon = warnings(&files, time("2028-12-20T00:00:00Z"));
    assert!(
        soon[0].contains("expires at 2029-01-01T00:00:00Z, less than 14 days from now"),
        "{soon:?}"
    );
    let twice = Files::with_client_ca(&root.issue(2050), &format!("{0}{0}", root.pem));
    assert_eq!(
        warnings(&twice, time("2030-01-01T00:00:00Z")),
        ["certificate 2 in client-ca.pem (CN=root) repeats certificate 1; remove it"]
    );
}

#[test]
fn server_starts_with_an_invalid_date_and_does_not_change_to_one() {
    let ca = Ca::new("a CA");
    let expired = ca.issue(&[NAME], |params| {
        params.not_after = date_time_ymd(2029, 12, 31);
    });
    let not_yet = ca.issue(&[NAME], |params| {
        params.not_before = date_time_ymd(2030, 1, 2);
    });
    let now = time("2030-01-01T00:00:00Z");
    for (pair, warning, error) in [
        (
            &expired,
            "the certificate expired at 2029-12-31T00:00:00Z: no TLS client accepts it; renew it",
            "expired at 2029-12-31T00:00:00Z, and it is 2030-01-01T00:00:00Z now; renew it",
        ),
        (
            &not_yet,
            "the certificate is not valid before 2030-01-02T00:00:00Z: no TLS client accepts it until then; check the clock, which says 2030-01-01T00:00:00Z",
            "is not valid before 2030-01-02T00:00:00Z, and it is 2030-01-01T00:00:00Z now; wait until then, or correct the clock",
        ),
    ] {
        let files = Files::new(pair);
        assert_eq!(warnings(&files, now), [warning]);
        let tls = files.try_load(ManualClock::new(now)).unwrap();
        assert_eq!(tls.reload().unwrap(), Reload::Unchanged);
        files.write_pair(&server_pair(&ca));
        assert_eq!(tls.reload().unwrap(), Reload::Replaced);
        files.write_pair(pair);
        let refused = tls.reload().unwrap_err().to_string();
        assert!(refused.ends_with(error), "{refused}");
    }
}
