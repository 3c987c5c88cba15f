use std::fs;
use std::path::PathBuf;

use dcv_resolver_client::{HttpClient, TlsOptions};
use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_server::tls::{Reload, Tls, TlsFiles};
use tempfile::TempDir;

use crate::message;

/// A certificate, and its key, that are valid until the year 4096.
const CERTIFICATE: &str = include_str!("pem/certificate.pem");
const KEY: &str = include_str!("pem/key.pem");

thread_local! {
    static FILES: Files = Files::new();
}

/// The TLS files of a server and of a client, the input being each of them in turn:
/// an error is one sentence that quotes nothing of the file, and files that are valid
/// stay so.
pub fn pem(data: &[u8]) {
    FILES.with(|files| {
        fs::write(&files.input, data).unwrap();
        let (certificate, key, input) = (&files.certificate, &files.key, &files.input);
        check(data, TlsFiles::new(input, key));
        check(data, TlsFiles::new(certificate, input));
        check(data, TlsFiles::new(certificate, key).client_ca(input));
        // With a CA, since the system's CAs take long to read.
        let options = || TlsOptions::default().ca_file(certificate);
        check_client(data, options().ca_file(input));
        check_client(data, options().client_certificate(input, key));
        check_client(data, options().client_certificate(certificate, input));
    });
}

fn check_client(data: &[u8], options: TlsOptions) {
    let url = "https://gw.example".parse().unwrap();
    if let Err(error) = HttpClient::builder(url).tls(options).build() {
        check_text(data, &error.to_string());
    }
}

fn check(data: &[u8], files: TlsFiles) {
    match Tls::load_with_clock(files, ManualClock::default()) {
        Ok(tls) => {
            assert_eq!(tls.reload().unwrap(), Reload::Unchanged);
            // Each certificate has a BEGIN of its own.
            let begun = data.to_ascii_uppercase();
            let begun = begun.windows(11).filter(|it| it == b"-----BEGIN ").count();
            assert!((1..=begun.max(1)).contains(&tls.chain().len()));
            assert!(tls.client_cas().len() <= begun);
            for warning in tls.warnings() {
                message::check_up_to(&warning.escape_debug().to_string(), 64 * 1024);
            }
        }
        Err(error) => check_text(data, &error.to_string()),
    }
}

fn check_text(data: &[u8], shown: &str) {
    // The subject of a certificate may have any character.
    message::check_up_to(&shown.escape_debug().to_string(), 64 * 1024);
    for line in data.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.trim_ascii());
        let is_other = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=');
        let is_base64 = line.len() >= 32 && !line.contains(is_other);
        assert!(!is_base64 || !shown.contains(&*line), "{shown}");
    }
}

struct Files {
    _folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    input: PathBuf,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        Self {
            certificate: write("certificate.pem", CERTIFICATE),
            key: write("key.pem", KEY),
            input: write("input.pem", ""),
            _folder: folder,
        }
    }
}
