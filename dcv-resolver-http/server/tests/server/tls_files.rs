//! Which TLS files are accepted, and the messages for the others.

use std::fs;

use dcv_resolver_core::Timestamp;
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_server::Server;
use dcv_resolver_server::tls::KeyAlgorithm;
use dcv_resolver_test_support::pki::rcgen::{
    BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    date_time_ymd,
};
use dcv_resolver_test_support::pki::{Ca, MARK, Pair, self_signed};

use crate::fixture::start;
use crate::pki::{Files, NAME, TlsClient, client_pair, server_pair};

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn certificate_shows_its_names_and_validity() {
    let pair = Ca::new("a CA").issue(
        &[
            "resolver.example",
            "*.dcv.example",
            "192.0.2.7",
            "2001:db8::7",
        ],
        |params| {
            params.not_before = date_time_ymd(2026, 1, 2);
            params.not_after = date_time_ymd(2036, 3, 4);
        },
    );
    let tls = Files::new(&pair).load();
    let certificate = tls.certificate();
    assert_eq!(certificate.common_name(), Some("a test"));
    assert_eq!(
        certificate.dns_names(),
        ["resolver.example", "*.dcv.example"]
    );
    let addresses: Vec<_> = certificate
        .ip_addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(addresses, ["192.0.2.7", "2001:db8::7"]);
    assert_eq!(certificate.valid_from(), time("2026-01-02T00:00:00Z"));
    assert_eq!(certificate.expires_at(), time("2036-03-04T00:00:00Z"));
    assert_eq!(certificate.key_algorithm(), KeyAlgorithm::Ecdsa);
    assert_eq!(tls.client_cas().len(), 0);
}

#[test]
fn certificate_that_a_gateway_may_refuse_causes_warnings() {
    let ca = Ca::new("a CA");
    let now = time("2030-01-01T00:00:00Z");
    let warnings = |pair: &Pair, now| {
        let tls = Files::new(pair).try_load(ManualClock::new(now)).unwrap();
        tls.warnings()
    };
    let ecdsa =
        "the certificate's key is ECDSA: gateways before 2024.0-777 accept only RSA under TLS 1.2";
    assert_eq!(warnings(&server_pair(&ca), now), [ecdsa]);

    let no_name = warnings(&ca.issue(&["192.0.2.7"], |_| {}), now);
    assert_eq!(no_name.len(), 2);
    assert!(no_name[0].contains("no DNS name"), "{no_name:?}");
    assert!(no_name[0].contains("[resolver] url"), "{no_name:?}");

    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let ed25519 = warnings(&ca.issue_for(&ed25519, &[NAME], |_| {}), now);
    assert!(ed25519[0].contains("key is Ed25519"), "{ed25519:?}");

    let for_clients = warnings(&client_pair(&ca), now);
    assert!(
        for_clients[1].contains("does not include server authentication"),
        "{for_clients:?}"
    );

    let of_a_ca = ca.issue(&[NAME], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let of_a_ca = warnings(&of_a_ca, now);
    assert!(of_a_ca[1].contains("is a CA certificate"), "{of_a_ca:?}");

    let soon = ca.issue(&[NAME], |params| {
        params.not_after = date_time_ymd(2030, 2, 1)
    });
    assert_eq!(warnings(&soon, time("2030-01-17T23:59:59Z")), [ecdsa]);
    assert_eq!(
        warnings(&soon, time("2030-01-18T00:00:00Z"))[1],
        "the certificate expires at 2030-02-01T00:00:00Z, less than 14 days from now; renew it",
    );
    assert_eq!(
        warnings(&soon, time("2030-02-01T00:00:01Z"))[1],
        "the certificate expired at 2030-02-01T00:00:00Z: no TLS client accepts it; renew it",
    );
}

/// Returns the error, with files named without their folder. Checks that it
/// contains no part of a key.
pub(crate) fn error_of(files: &Files) -> String {
    let error = files.try_load(ManualClock::default()).expect_err("loaded");
    let mut shown = format!("{error:?}");
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        shown = format!("{shown}\n{error}");
        source = error.source();
    }
    for name in ["key.pem", "cert.pem"] {
        let text = fs::read(files.path(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let secrets = text.lines().skip_while(|line| !line.contains("PRIVATE"));
        for secret in secrets.filter(|line| line.len() > 40) {
            assert!(!shown.contains(secret), "it contains a key: {shown}");
        }
    }
    assert!(!shown.contains("tr0ub4dor"), "{shown}");
    let folder = files.path("");
    error.to_string().replace(&*folder.to_string_lossy(), "")
}

#[test]
fn each_invalid_file_has_its_own_message() {
    let ca = Ca::new("a CA");
    let good = server_pair(&ca);
    let other = server_pair(&ca);
    let encrypted = format!(
        "{MARK}\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"
    );
    let old_encrypted = format!(
        "{MARK}\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----\n"
    );
    let one_line = good.key.replace('\n', "");
    let no_end = good.key.split("-----END").next().unwrap();
    let no_base64 = good.key.replace("KEY-----\nM", "KEY-----\n*");
    let short = "-----BEGIN PRIVATE KEY-----\nMAUCAQAwAA==\n-----END PRIVATE KEY-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAMCAQA=\n-----END CERTIFICATE-----\n";
    let request =
        "-----BEGIN CERTIFICATE REQUEST-----\nMAUCAQAwAA==\n-----END CERTIFICATE REQUEST-----\n";
    for (certificate, key, expected) in [
        (
            &*good.certificate,
            &*other.key,
            "the private key in key.pem does not match the certificate in cert.pem; use the key and the certificate that were issued together",
        ),
        (
            &format!("{}{}", ca.pem, good.certificate),
            &good.key,
            "the private key in key.pem matches certificate 2 in cert.pem; put that certificate first, followed by its issuers",
        ),
        (
            &good.certificate,
            &encrypted,
            "the private key in key.pem is encrypted; decrypt it with 'openssl pkey -in ENCRYPTED -out key.pem'",
        ),
        (
            &good.certificate,
            &old_encrypted,
            "the private key in key.pem is encrypted; decrypt it with 'openssl pkey -in ENCRYPTED -out key.pem'",
        ),
        (
            &good.certificate,
            &one_line,
            "block 1 (line 1) of key.pem is not valid PEM: there is text in front of its BEGIN; copy it again from its source",
        ),
        (
            &good.certificate,
            one_line
                .trim_start_matches(MARK)
                .replace("KEY-----MIG", "KEY MIG")
                .trim_end_matches('-'),
            "block 1 (line 1) of key.pem is not valid PEM: a BEGIN or END line must begin and end with exactly five hyphens; copy it again from its source",
        ),
        (
            &good.certificate,
            no_end,
            "block 1 (line 2) of key.pem is not valid PEM: it has no END line; copy it again from its source",
        ),
        (
            &good.certificate,
            &no_base64,
            "block 1 (line 2) of key.pem is not valid PEM: the text between BEGIN and END is not base64; copy it again from its source",
        ),
        (
            &good.certificate,
            short,
            "the private key in key.pem is not supported; use RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
        ),
        (
            &good.certificate,
            &good.certificate,
            "key.pem contains a certificate; expected a private key in PEM format; name another file",
        ),
        (
            &good.certificate,
            "",
            "key.pem is empty; expected a private key in PEM format; write it again",
        ),
        (
            &good.certificate,
            "hello",
            "key.pem contains something else; expected a private key in PEM format; name another file",
        ),
        (
            &good.key,
            &good.key,
            "cert.pem contains a private key; expected a certificate in PEM format; name another file",
        ),
        (
            request,
            &good.key,
            "block 1 (line 1) of cert.pem is a certificate request; expected a certificate in PEM format; use the certificate that a CA issues for it",
        ),
    ] {
        let files = Files::new(&Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        });
        assert_eq!(error_of(&files), expected);
    }

    let files = Files::new(&Pair {
        certificate: no_certificate.to_owned(),
        key: good.key.clone(),
    });
    let error = error_of(&files);
    assert!(
        error.starts_with("certificate 1 in cert.pem (line 1) is invalid: "),
        "{error}"
    );

    let files = Files::new(&good);
    fs::remove_file(files.path("key.pem")).unwrap();
    assert_eq!(
        error_of(&files),
        "cannot read key.pem: there is no such file; create it, or correct the path"
    );
    fs::create_dir(files.path("key.pem")).unwrap();
    assert_eq!(
        error_of(&files),
        "cannot read key.pem: it is a directory; name a file in it"
    );
}

#[test]
fn client_ca_that_is_no_ca_is_refused() {
    let ca = Ca::new("a CA");
    let line = ca.pem.lines().count() + 1;
    for (client_ca, expected) in [
        (
            "",
            "client-ca.pem is empty; expected only certificates of CAs in PEM format; write it again",
        ),
        (
            &*format!("{}{}", ca.pem, client_pair(&ca).certificate),
            &*format!(
                "certificate 2 in client-ca.pem (line {line}) is not a CA certificate (CN=a test); use the certificate of the CA that issued it"
            ),
        ),
    ] {
        let files = Files::with_client_ca(&server_pair(&ca), client_ca);
        assert_eq!(error_of(&files), expected);
    }
    let bundle = format!("{}{}", ca.pem, Ca::new("another CA").pem);
    let tls = Files::with_client_ca(&server_pair(&ca), &bundle).load();
    let names: Vec<_> = tls
        .client_cas()
        .iter()
        .map(|ca| ca.common_name().map(str::to_owned))
        .collect();
    assert_eq!(
        names,
        [Some("a CA".to_owned()), Some("another CA".to_owned())]
    );
}

#[tokio::test]
async fn self_signed_client_ca_admits_only_its_own_client() {
    let ca = Ca::new("a CA");
    let client = self_signed("gateway.example");
    let tls = Files::with_client_ca(&server_pair(&ca), &client.certificate).load();
    let server = start(|server| server.tls(tls)).await;
    let address = server.address;
    let status = TlsClient::new(&ca, Some(&client)).try_get(address).await;
    assert_eq!(status.unwrap(), 200);
    let stranger = self_signed("gateway.example");
    let status = TlsClient::new(&ca, Some(&stranger)).try_get(address).await;
    status.unwrap_err();
}

#[tokio::test]
async fn every_supported_key_algorithm_is_served() {
    let ca = Ca::new("a CA");
    let ecdsa = KeyPair::generate().unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    for key in [ecdsa, p384, ed25519] {
        let pair = ca.issue_for(&key, &[NAME], |_| {});
        // Both in one file is fine.
        let both = format!("{}{}", pair.key, pair.certificate);
        let files = Files::new(&Pair {
            certificate: both.clone(),
            key: both,
        });
        let tls = files.load();
        let server = start(|server| server.tls(tls)).await;
        let client = TlsClient::new(&ca, None);
        assert_eq!(client.try_get(server.address).await.unwrap(), 200);
    }
}

#[test]
fn debug_output_contains_no_key() {
    let pair = server_pair(&Ca::new("a CA"));
    let tls = Files::new(&pair).load();
    let shown = format!("{tls:?}");
    assert!(shown.contains(NAME), "{shown}");
    let server = Server::new(axum::Router::<()>::new()).tls(tls);
    let shown = format!("{shown}{server:?}");
    assert!(!shown.contains("tr0ub4dor"), "{shown}");
    for line in pair.key.lines().filter(|line| line.len() > 40) {
        assert!(!shown.contains(line), "{shown}");
    }
}
