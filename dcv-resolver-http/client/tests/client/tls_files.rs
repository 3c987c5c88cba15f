//! Files that cannot be used: one clear sentence each.

use dcv_resolver_client::{HttpClient, TlsOptions};
use dcv_resolver_test_support::pki::{Ca, self_signed};

use crate::support::Files;

fn error(tls: TlsOptions) -> String {
    let built = HttpClient::builder("https://resolver.example".parse().unwrap())
        .tls(tls)
        .build();
    built.unwrap_err().to_string()
}

#[test]
fn ca_file_must_be_certificates() {
    let files = Files::new();
    let (one, other) = (Ca::new("a CA").pem, Ca::new("another CA").pem);
    let joined = format!("{}{other}", one.trim_end());
    // As `openssl x509 -trustout` writes it.
    let label = " TRUSTED CERTIFICATE-----";
    let trusted = format!("{one}{}", other.replace(" CERTIFICATE-----", label));
    let key = self_signed("a.example").key;
    let der = [0x30, 0x82, 0x01, 0x00];
    let garbage = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for (content, expected) in [
        (
            "".as_bytes(),
            "is empty; expected a certificate in PEM format; write it again",
        ),
        (
            key.as_bytes(),
            "contains a private key; expected a certificate in PEM format; name another file",
        ),
        (
            b"a CA",
            "contains something else; expected a certificate in PEM format; name another file",
        ),
        (
            joined.as_bytes(),
            "has 2 lines that begin a certificate, but only 1 certificates can be read; copy it again from its source",
        ),
        (
            trusted.as_bytes(),
            "has 2 lines that begin a certificate, but only 1 certificates can be read",
        ),
        (
            &der,
            "is in DER format; expected a certificate in PEM format; convert it with 'openssl x509 -inform DER -in {} -out NEW'",
        ),
        (garbage.as_bytes(), "certificate 1 in {} is invalid"),
    ] {
        let path = files.write("ca.pem", content);
        let message = error(TlsOptions::default().ca_file(&path));
        let expected = expected.replace("{}", &path);
        assert!(message.contains(&expected), "{message}");
        assert!(message.contains(&path), "{message}");
    }
}

#[test]
fn key_must_be_pkcs8_and_that_of_the_certificate() {
    let files = Files::new();
    let pair = self_signed("gateway.example");
    let certificate = files.write("cert.pem", &pair.certificate);
    let relabelled = |label: &str| pair.key.replace("PRIVATE KEY", label);
    for (content, expected) in [
        (
            relabelled("RSA PRIVATE KEY"),
            "the private key in {} is in PKCS#1 format, but a gateway accepts only PKCS#8; convert it with 'openssl pkcs8 -topk8 -nocrypt -in {} -out NEW'",
        ),
        (
            relabelled("EC PRIVATE KEY"),
            "the private key in {} is in SEC1 format",
        ),
        (
            relabelled("ENCRYPTED PRIVATE KEY"),
            "the private key in {} is encrypted; decrypt it with 'openssl pkey -in {} -out NEW'",
        ),
        (
            pair.certificate.clone(),
            "{} contains a certificate; expected a private key in PEM format",
        ),
        (
            self_signed("other.example").key,
            "the private key in {} does not match the certificate in ",
        ),
        (
            String::new(),
            "{} is empty; expected a private key in PEM format",
        ),
    ] {
        let key = files.write("key.pem", &content);
        let message = error(
            TlsOptions::default()
                .strict(false)
                .client_certificate(&certificate, &key),
        );
        assert!(message.contains(&expected.replace("{}", &key)), "{message}");
    }
}

#[test]
fn missing_file_is_named() {
    let missing = Files::new().write("gone.pem", "") + ".not";
    let message = error(TlsOptions::default().ca_file(&missing));
    assert!(
        message.starts_with(&format!("cannot read {missing}: ")),
        "{message}"
    );
}

/// It would not end.
#[test]
fn file_that_is_not_regular_is_refused() {
    let message = error(TlsOptions::default().ca_file("/dev/zero"));
    assert!(message.contains("it is not a regular file"), "{message}");
}

#[test]
fn files_are_not_read_without_tls() {
    let tls = TlsOptions::default().ca_file("/nowhere/ca.pem");
    let client = HttpClient::builder("http://resolver.example".parse().unwrap()).tls(tls);
    client.build().unwrap();
}
