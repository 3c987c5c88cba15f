//! Every block of a PEM file is read, or is an error that names it.

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_test_support::pki::{Ca, MARK, Pair};

use crate::pki::{Files, server_pair};
use crate::tls_files::error_of;

const BOM: &str = "\u{feff}";

/// Returns the subjects of the client CAs that a file holds.
fn client_cas(file: impl AsRef<[u8]>) -> Vec<String> {
    let files = Files::with_client_ca(&server_pair(&Ca::new("a CA")), "");
    files.write("client-ca.pem", file);
    let tls = files.try_load(ManualClock::default()).unwrap();
    let cas = tls.client_cas();
    cas.iter().map(|ca| ca.subject().to_owned()).collect()
}

/// Returns the error for a file of client CAs.
fn client_ca_error(file: impl AsRef<[u8]>) -> String {
    let files = Files::with_client_ca(&server_pair(&Ca::new("a CA")), "");
    files.write("client-ca.pem", file);
    error_of(&files)
}

/// Returns the error for a key that belongs to the certificate, after `change`.
fn key_error(change: impl FnOnce(&str) -> String) -> String {
    let pair = server_pair(&Ca::new("a CA"));
    let key = change(&pair.key);
    error_of(&Files::new(&Pair { key, ..pair }))
}

#[test]
fn every_certificate_is_read_however_the_file_was_written() {
    let (one, two) = (Ca::new("one").pem, Ca::new("two").pem);
    let glued = format!("{}{two}", one.trim_end());
    for file in [
        glued.clone(),
        format!("{BOM}{one}{two}"),
        format!("{BOM}{glued}"),
        format!("{one}{two}").replace('\n', "\r\n"),
        format!("{one}{two}").replace('\n', "\r"),
        format!("{one}{two}").replace('\n', " \t\n"),
        format!("{one}\n\n{two}").trim_end().to_owned(),
        format!("{one}{two}").replace("-----BEGIN", "  -----BEGIN"),
        format!("{one}{two}").replace('\n', " "),
        format!("{one}{two}").replace('\n', ""),
        format!("{one}{two}").replace("CERTIFICATE", "certificate"),
        format!("{one}{two}").replace("CERTIFICATE", "X509 CERTIFICATE"),
        // What `openssl x509 -text` and `openssl pkcs12` print.
        format!(
            "Certificate:\n    Data:\n        Version: 3 (0x2)\n{one}Bag Attributes\n    friendlyName: two\nsubject=CN = two\n{two}-----\n---- end of list ----\n"
        ),
        format!("# -----BEGIN CERTIFICATE-----\n# MIIB\n# -----END CERTIFICATE-----\n{one}{two}"),
    ] {
        assert_eq!(client_cas(&file), ["CN=one", "CN=two"], "{file}");
    }
    // Not text in UTF-8, such as a name in the text of OpenSSL.
    let latin_1 = [b"subject=O = caf\xe9\n", one.as_bytes(), two.as_bytes()].concat();
    assert_eq!(client_cas(latin_1), ["CN=one", "CN=two"]);
}

#[test]
fn damaged_block_is_an_error_with_its_number_and_line() {
    let (one, two) = (Ca::new("one").pem, Ca::new("two").pem);
    let line = one.lines().count() + 1;
    let last = line + two.lines().count() - 1;
    let half = &two[..two.len() / 2];
    let begin = "-----BEGIN CERTIFICATE-----";
    let hyphens = "a BEGIN or END line must begin and end with exactly five hyphens";
    for (second, line, reason) in [
        (half.to_owned(), line, "it has no END line"),
        (
            format!("{half}\n{two}"),
            line,
            "it has no END line before the next BEGIN line",
        ),
        (
            two.replace("END CERTIFICATE", "END X509 CRL"),
            line,
            "its BEGIN and END lines have different labels",
        ),
        (
            two.replace("-----BEGIN CERTIFICATE-----\n", ""),
            last - 1,
            "there is an END line without a BEGIN line",
        ),
        (two.replace(begin, &begin[1..]), line, hyphens),
        (two.replace(begin, &begin[..begin.len() - 1]), line, hyphens),
        (
            two.replace(begin, "\u{2014}\u{2013}BEGIN CERTIFICATE\u{2014}\u{2013}"),
            line,
            hyphens,
        ),
        (
            two.replace(begin, "----- BEGIN CERTIFICATE -----"),
            line,
            hyphens,
        ),
        (two.replace("-----END", "-----EMD"), line, hyphens),
        (
            two.replace(begin, &format!("ca: {begin}")),
            line,
            "there is text in front of its BEGIN",
        ),
        (
            two.replacen("MII", "M*I", 1),
            line,
            "the text between BEGIN and END is not base64",
        ),
        (
            two.replacen('\n', "\\n", 1),
            line,
            "it has backslashes, perhaps \\n in place of line breaks",
        ),
        (
            format!("{begin}\n-----END CERTIFICATE-----\n"),
            line,
            "there is nothing between BEGIN and END",
        ),
    ] {
        assert_eq!(
            client_ca_error(format!("{one}{second}")),
            format!(
                "block 2 (line {line}) of client-ca.pem is not valid PEM: {reason}; copy it again from its source"
            ),
            "{second}"
        );
    }
}

#[test]
fn block_that_does_not_belong_in_the_file_is_named() {
    let ca = Ca::new("a CA").pem;
    let line = ca.lines().count() + 1;
    let key = server_pair(&Ca::new("another CA")).key.replace(MARK, "");
    let block =
        |label: &str| format!("-----BEGIN {label}-----\nMAUCAQAwAA==\n-----END {label}-----\n");
    for (second, found, remedy) in [
        (
            block("X509 CRL"),
            "a certificate revocation list",
            "remove it: revocation is not checked, so remove a CA to refuse its clients",
        ),
        (
            block("CERTIFICATE REQUEST"),
            "a certificate request",
            "use the certificate that a CA issues for it",
        ),
        (
            block("TRUSTED CERTIFICATE"),
            "an OpenSSL trusted certificate",
            "convert it with 'openssl x509 -in client-ca.pem -out NEW'",
        ),
        (
            block("PKCS7"),
            "a PKCS#7 bundle",
            "convert it with 'openssl pkcs7 -print_certs -in client-ca.pem -out NEW'",
        ),
        (
            block("PUBLIC KEY"),
            "a public key",
            "use the certificate and its private key",
        ),
        (
            key.trim_start().to_owned(),
            "a private key",
            "remove it: the resolver does not need the key of a CA",
        ),
        (
            block("PGP MESSAGE"),
            "neither a certificate nor a private key",
            "remove it",
        ),
    ] {
        assert_eq!(
            client_ca_error(format!("{ca}{second}")),
            format!(
                "block 2 (line {line}) of client-ca.pem is {found}; expected only certificates of CAs in PEM format; {remedy}"
            )
        );
    }
}

#[test]
fn file_of_another_format_is_named() {
    let text = "-----BEGIN CERTIFICATE-----\n";
    let utf16 =
        |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    let with_mark = [&b"\xFF\xFE"[..], &utf16(u16::to_le_bytes)].concat();
    let bare = Ca::new("a CA").pem;
    let bare: Vec<_> = bare.lines().filter(|line| !line.starts_with('-')).collect();
    for (content, found) in [
        (utf16(u16::to_le_bytes), "is UTF-16 text"),
        (utf16(u16::to_be_bytes), "is UTF-16 text"),
        (with_mark, "is UTF-16 text"),
        (b" \r\n".to_vec(), "is empty"),
        (b"\xEF\xBB\xBF".to_vec(), "is empty"),
        (
            bare.join("\n").into_bytes(),
            "is base64 without a BEGIN line",
        ),
        (b"\xFE\xED\xFE\xED\0\0\0\x02".to_vec(), "is a Java keystore"),
        (b"PuTTY-User-Key-File-3: ssh-rsa".to_vec(), "is a PuTTY key"),
        (b"ssh-ed25519 AAAA".to_vec(), "is an SSH public key"),
    ] {
        let error = client_ca_error(content);
        assert!(
            error.starts_with(&format!("client-ca.pem {found}; expected ")),
            "{error}"
        );
    }
}

#[test]
fn key_file_has_one_private_key() {
    let copy = "copy it again from its source";
    let twice = key_error(|key| format!("{key}{key}"));
    assert_eq!(
        twice,
        "key.pem contains several private keys, block 1 (line 2) and block 2 (line 8); keep the one of the certificate"
    );
    let public = key_error(|_| {
        "-----BEGIN PUBLIC KEY-----\nMAUCAQAwAA==\n-----END PUBLIC KEY-----\n".to_owned()
    });
    assert!(
        public.starts_with("block 1 (line 1) of key.pem is a public key; "),
        "{public}"
    );
    let cut = key_error(|key| key.replace("-----END", "----END"));
    assert!(cut.ends_with(copy), "{cut}");
    let rsa = key_error(|key| key.replace("PRIVATE KEY", "RSA PRIVATE KEY"));
    assert_eq!(
        rsa,
        "block 1 (line 2) of key.pem has the wrong label: it contains a private key in PKCS#8; write PRIVATE KEY in its BEGIN and END lines"
    );
    let certificate = key_error(|key| key.replace("PRIVATE KEY", "CERTIFICATE"));
    assert_eq!(
        certificate,
        "key.pem contains a certificate; expected a private key in PEM format; name another file"
    );
}

/// Both in one file, as HAProxy has them, and a key without line breaks, as
/// environment variables have them.
#[test]
fn key_and_certificate_are_read_from_the_same_file() {
    let pair = server_pair(&Ca::new("a CA"));
    let key = pair.key.replace(MARK, "").trim_start().to_owned();
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let Pair { certificate, .. } = &pair;
    for both in [
        format!("{parameters}{key}{certificate}"),
        format!("{certificate}{}", key.replace('\n', "")),
        format!("{BOM}{}{key}", certificate.trim_end()),
    ] {
        let files = Files::new(&Pair {
            certificate: both.clone(),
            key: both,
        });
        files.load();
    }
    let both = Files::new(&pair);
    both.write(
        "cert.pem",
        format!("{certificate}{}", key.replace("PRIVATE KEY", "CERTIFICATE")),
    );
    let line = certificate.lines().count() + 1;
    assert_eq!(
        error_of(&both),
        format!(
            "block 2 (line {line}) of cert.pem has the wrong label: it contains a private key in PKCS#8; write PRIVATE KEY in its BEGIN and END lines"
        )
    );
}
