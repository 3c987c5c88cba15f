//! `scripts/no-secrets`, which looks through all that the tests print.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn no_secrets(printed: &str) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("printed.log"), printed).unwrap();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/no-secrets"))
        .arg("printed.log")
        .current_dir(&folder)
        .output()
        .unwrap()
}

#[test]
fn each_kind_of_secret_is_found_and_not_printed_again() {
    let marked = ["tr0ub", "4dor"].concat();
    let in_hex: String = marked.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (before, secret) in [
        ("password ", format!("its-{marked}-abc")),
        ("{\"key\":\"", format!("{marked}\"}}")),
        ("lease=", format!("{in_hex}2d746f6b656e31")),
        ("key: ", "-----BEGIN PRIVATE KEY-----\\nMIIabc".to_owned()),
        ("key: ", "-----BEGIN RSA PRIVATE KEY-----".to_owned()),
        ("authorization: ", "Bearer dG9rZW4tYWJjLWRlZg==".to_owned()),
        ("store ", "redis://:s3cr3t@192.0.2.1".to_owned()),
        (
            "store ",
            "redis+sentinel://ann:s3cr3t@a.example/m".to_owned(),
        ),
    ] {
        let output = no_secrets(&format!("first line\n{before}{secret}\nlast line\n"));
        assert_eq!(output.status.code(), Some(1), "{before}...");
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!("\n2: {before}<redacted>\n");
        assert!(said.ends_with(&expected), "{before}: not cut as expected");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn what_only_speaks_of_secrets_is_none() {
    let output = no_secrets(
        "test a_bearer_token_is_demanded ... ok\n\
         www-authenticate: Bearer realm=\"dcv\"\n\
         Bearer authentication\n\
         -----BEGIN CERTIFICATE-----\n\
         redis://192.0.2.1:6379, redis://ann@a.example\n",
    );
    assert_eq!(output.status.code(), Some(0));
}

/// A log that was never written must not pass for a clean one.
#[test]
fn nothing_to_look_through_is_a_failure() {
    assert_eq!(no_secrets("").status.code(), Some(2));
}
