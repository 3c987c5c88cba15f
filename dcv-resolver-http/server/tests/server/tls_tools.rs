//! The server as OpenSSL and curl see it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use dcv_resolver_core::testing::ManualClock;
use dcv_resolver_server::tls::{KeyAlgorithm, TlsError};
use dcv_resolver_test_support::log::Log;
use dcv_resolver_test_support::pki::rcgen::{KeyPair, date_time_ymd};
use dcv_resolver_test_support::pki::{Ca, MARK, Pair};
use tracing::Level;

use crate::connections::eventually;
use crate::fixture::start;
use crate::pki::{Files, NAME, client_pair, server_pair};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: resolver.example\r\nconnection: close\r\n\r\n";
/// What Debian's OpenSSL needs before it tries anything older than 1.2.
const OLD: [&str; 2] = ["-cipher", "DEFAULT@SECLEVEL=0"];
/// What a gateway before 2024.0-777 offers under TLS 1.2.
const ONLY_RSA: [&str; 2] = [
    "-cipher",
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
];

/// Runs a program to its end, and returns its whole output.
async fn output(mut command: Command, input: &'static [u8]) -> String {
    let running = tokio::task::spawn_blocking(move || {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have exited already.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{}{}{}",
            text(&output.stdout),
            text(&output.stderr),
            output.status
        )
    });
    running.await.unwrap()
}

/// Runs openssl, which must succeed, and returns what it wrote.
fn openssl(args: &[&str]) -> String {
    let output = Command::new("openssl").args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn rsa_key() -> KeyPair {
    let bits = "rsa_keygen_bits:2048";
    KeyPair::from_pem(&openssl(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        bits,
    ]))
    .unwrap()
}

/// A client that trusts one CA.
struct Client {
    files: Files,
    address: SocketAddr,
}

impl Client {
    fn new(ca: &Ca, address: SocketAddr) -> Self {
        let files = Files::new(&client_pair(ca));
        files.write("ca.pem", &ca.pem);
        Self { files, address }
    }

    /// A client that also presents a certificate.
    fn with(ca: &Ca, pair: &Pair, address: SocketAddr) -> Self {
        let client = Self::new(ca, address);
        client.files.write_pair(pair);
        client
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }

    /// Returns what `openssl s_client` prints for one request.
    async fn s_client(&self, args: &[&str]) -> String {
        let mut command = Command::new("openssl");
        command
            .args(["s_client", "-connect", &self.address.to_string()])
            .args(["-servername", NAME, "-verify_hostname", NAME])
            .arg("-CAfile")
            .arg(self.path("ca.pem"))
            // Reads on until the server closes.
            .args(["-verify_return_error", "-ign_eof"])
            .args(args);
        output(command, REQUEST).await
    }

    async fn s_client_with_certificate(&self, args: &[&str]) -> String {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        let mut with = vec!["-cert", certificate.to_str().unwrap()];
        with.extend(["-key", key.to_str().unwrap()]);
        with.extend(args);
        self.s_client(&with).await
    }

    /// Returns what curl prints for one request.
    async fn curl(&self, args: &[&str]) -> String {
        let port = self.address.port();
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--include", "--max-time", "10"])
            .args(["--noproxy", "*"])
            .args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")])
            .arg("--cacert")
            .arg(self.path("ca.pem"))
            .args(args)
            .arg(format!("https://{NAME}:{port}/"));
        output(command, b"").await
    }
}

#[track_caller]
fn assert_contains(text: &str, expected: &str) {
    assert!(text.contains(expected), "no {expected:?} in {text}");
}

/// Waits until the server logs `expected`: the client may end before that.
async fn logged(log: &Log, expected: &str) {
    eventually(expected, || log.text().contains(expected)).await;
}

#[track_caller]
fn assert_answered(text: &str) {
    assert_contains(text, "HTTP/1.1 200 OK");
    assert_contains(text, "\r\n\r\nhello");
}

#[track_caller]
fn assert_not_answered(text: &str) {
    assert!(!text.contains("HTTP/1.1"), "{text}");
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn rsa_and_ecdsa_are_served_under_tls_1_2_and_1_3() {
    let ca = Ca::new("a CA");
    let rsa = ca.issue_for(&rsa_key(), &[NAME], |_| {});
    for (pair, kind) in [
        (rsa, KeyAlgorithm::Rsa),
        (server_pair(&ca), KeyAlgorithm::Ecdsa),
    ] {
        let tls = Files::new(&pair).load();
        assert_eq!(tls.certificate().key_algorithm(), kind);
        let is_rsa = kind == KeyAlgorithm::Rsa;
        assert_eq!(tls.certificate().gateway_warnings().is_empty(), is_rsa);
        let server = start(|server| server.tls(tls)).await;
        let client = Client::new(&ca, server.address);
        for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let shown = client.s_client(&[flag]).await;
            assert_answered(&shown);
            assert_contains(&shown, &format!("New, {version}, Cipher is"));
            assert_contains(&shown, "Verify return code: 0 (ok)");
        }
        let shown = client.s_client(&["-tls1_3", "-alpn", "h2,http/1.1"]).await;
        assert_contains(&shown, "ALPN protocol: http/1.1");
    }
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn old_gateway_needs_rsa_under_tls_1_2() {
    let ca = Ca::new("a CA");
    let rsa = ca.issue_for(&rsa_key(), &[NAME], |_| {});
    let tls = Files::new(&rsa).load();
    let server = start(|server| server.tls(tls)).await;
    let client = Client::new(&ca, server.address);
    assert_answered(
        &client
            .s_client(&[&["-tls1_2"], &ONLY_RSA[..]].concat())
            .await,
    );

    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    let client = Client::new(&ca, server.address);
    let shown = client
        .s_client(&[&["-tls1_2"], &ONLY_RSA[..]].concat())
        .await;
    assert_not_answered(&shown);
    assert_contains(&shown, "alert handshake failure");
    logged(&log, "share no cipher suite").await;
    assert_answered(&client.s_client(&["-tls1_3"]).await);
}

/// A server of OpenSSL, stopped when it is dropped.
struct SServer(Child);

impl SServer {
    fn start(files: &Files, args: &[&str]) -> (Self, SocketAddr) {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www"])
            .arg("-cert")
            .arg(files.path("cert.pem"))
            .arg("-key")
            .arg(files.path("key.pem"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let server = Self(child);
        let address = lines
            .map(Result::unwrap)
            .find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
        (server, address.unwrap().parse().unwrap())
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn versions_before_tls_1_2_are_refused() {
    let ca = Ca::new("a CA");
    let files = Files::new(&ca.issue_for(&rsa_key(), &[NAME], |_| {}));
    let tls = files.load();
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let server = start(|server| server.tls(tls)).await;
    for (flag, version) in [("-tls1_1", "TLSv1.1"), ("-tls1", "TLSv1")] {
        let args = [&[flag], &OLD[..]].concat();
        // The client can: it gets an answer from a server that allows it.
        let (_willing, address) = SServer::start(&files, &args);
        let shown = Client::new(&ca, address).s_client(&args).await;
        assert_contains(&shown, "HTTP/1.0 200 ok");
        assert_contains(&shown, &format!("Protocol  : {version}\n"));

        let shown = Client::new(&ca, server.address).s_client(&args).await;
        assert_not_answered(&shown);
        // The server refused, so OpenSSL did offer that version.
        assert_contains(&shown, "SSL alert number");
    }
    logged(&log, "the client supports neither TLS 1.2 nor TLS 1.3").await;
}

#[tokio::test]
#[ignore = "needs openssl and curl"]
async fn client_refuses_an_untrusted_certificate() {
    let ca = Ca::new("a CA");
    let (log, _guard) = Log::text_of_this_thread(Level::INFO);
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    let stranger = Client::new(&Ca::new("another CA"), server.address);
    let shown = stranger.s_client(&[]).await;
    assert_not_answered(&shown);
    assert_contains(
        &shown,
        "verify error:num=20:unable to get local issuer certificate",
    );
    logged(&log, "the client does not accept the server's certificate").await;
    assert_contains(&stranger.curl(&[]).await, "exit status: 60");

    let dates = |from: i32, to: i32| {
        ca.issue(&[NAME], |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        })
    };
    for (pair, server_time, expected) in [
        (
            dates(2020, 2021),
            "2020-06-01T00:00:00Z",
            "certificate has expired",
        ),
        (
            dates(2999, 3001),
            "3000-01-01T00:00:00Z",
            "certificate is not yet valid",
        ),
        (
            ca.issue(&["other.example"], |_| {}),
            "2030-01-01T00:00:00Z",
            "hostname mismatch",
        ),
        // The common name does not count where there are other names.
        (
            ca.issue(&["192.0.2.7"], |_| {}),
            "2030-01-01T00:00:00Z",
            "hostname mismatch",
        ),
    ] {
        let clock = ManualClock::new(server_time.parse().unwrap());
        let tls = Files::new(&pair).try_load(clock).unwrap();
        let server = start(|server| server.tls(tls)).await;
        let client = Client::new(&ca, server.address);
        let shown = client.s_client(&[]).await;
        assert_not_answered(&shown);
        assert_contains(&shown, expected);
        assert_contains(&client.curl(&[]).await, "exit status: 60");
    }
}

#[tokio::test]
#[ignore = "needs openssl and curl"]
async fn client_without_a_trusted_certificate_gets_an_alert() {
    let (ca, clients_ca) = (Ca::new("a CA"), Ca::new("a CA for clients"));
    let tls = Files::with_client_ca(&server_pair(&ca), &clients_ca.pem).load();
    let server = start(|server| server.tls(tls)).await;
    let good = Client::with(&ca, &client_pair(&clients_ca), server.address);
    let stranger = Client::with(&ca, &client_pair(&Ca::new("another CA")), server.address);
    for flag in ["-tls1_2", "-tls1_3"] {
        let shown = good.s_client(&[flag]).await;
        assert_not_answered(&shown);
        assert_contains(&shown, "alert certificate required");
        let shown = stranger.s_client_with_certificate(&[flag]).await;
        assert_not_answered(&shown);
        assert_contains(&shown, "alert unknown ca");

        let shown = good.s_client_with_certificate(&[flag]).await;
        assert_answered(&shown);
        assert_contains(&shown, "CN = a CA for clients");
    }
    let key = good.path("key.pem");
    let certificate = good.path("cert.pem");
    let shown = good
        .curl(&[
            "--cert",
            certificate.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ])
        .await;
    assert_answered(&shown);
    assert_not_answered(&good.curl(&[]).await);
}

#[tokio::test]
#[ignore = "needs curl"]
async fn curl_is_answered_on_one_connection() {
    let ca = Ca::new("a CA");
    let tls = Files::new(&server_pair(&ca)).load();
    let server = start(|server| server.tls(tls)).await;
    let client = Client::new(&ca, server.address);
    // It offers HTTP/2 as well.
    let again = format!("https://{NAME}:{}/", server.address.port());
    let shown = client.curl(&["--http2", &again]).await;
    assert_eq!(shown.matches("HTTP/1.1 200 OK").count(), 2, "{shown}");
    assert_eq!(shown.matches("hello").count(), 2, "{shown}");
    assert_contains(&shown, "exit status: 0");
    assert_eq!(server.connections.accepted_total(), 1);
}

#[tokio::test]
#[ignore = "needs openssl"]
async fn keys_are_read_in_every_format_that_openssl_writes() {
    let ca = Ca::new("a CA");
    let ecdsa = KeyPair::generate().unwrap();
    for (key, forms) in [
        (rsa_key(), ["BEGIN RSA PRIVATE KEY", "BEGIN PRIVATE KEY"]),
        (ecdsa, ["BEGIN EC PRIVATE KEY", "BEGIN PRIVATE KEY"]),
    ] {
        let mut pair = ca.issue_for(&key, &[NAME], |_| {});
        let files = Files::new(&pair);
        let path = files.path("key.pem");
        let path = path.to_str().unwrap();
        let traditional = openssl(&["pkey", "-in", path, "-traditional"]);
        let pkcs8 = openssl(&["pkey", "-in", path]);
        for (written, form) in [traditional, pkcs8].into_iter().zip(forms) {
            assert_contains(&written, form);
            pair.key = format!("{MARK}\n{written}");
            let tls = Files::new(&pair).load();
            let server = start(|server| server.tls(tls)).await;
            assert_answered(&Client::new(&ca, server.address).s_client(&[]).await);
        }

        // PKCS#8, and what older versions wrote.
        let password = "pass:tr0ub4dor";
        let encrypt = ["pkey", "-in", path, "-aes256", "-passout", password];
        for args in [&encrypt[..], &[&encrypt[..], &["-traditional"]].concat()] {
            files.write("key.pem", openssl(args));
            let clock = ManualClock::default();
            let error = files.try_load(clock).unwrap_err();
            assert!(matches!(error, TlsError::EncryptedKey { .. }), "{error}");
            files.write_pair(&pair);
        }
    }
}

#[test]
#[ignore = "needs openssl"]
fn unsupported_key_is_refused() {
    let pair = server_pair(&Ca::new("a CA"));
    for args in [
        ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    ] {
        let key = openssl(&[&["genpkey", "-algorithm"], &args[..]].concat());
        let files = Files::new(&Pair {
            key: format!("{MARK}\n{key}"),
            ..pair.clone()
        });
        let error = files.try_load(ManualClock::default()).unwrap_err();
        assert!(matches!(error, TlsError::UnsupportedKey { .. }), "{error}");
    }
}

/// Each in its own format, with the command that converts it.
#[test]
#[ignore = "needs openssl"]
fn files_that_are_not_pem_are_named() {
    let pair = server_pair(&Ca::new("a CA"));
    let files = Files::new(&pair);
    let path = |name: &str| files.path(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("good.pem"), path("good-key.pem"));
    files.write("good.pem", &pair.certificate);
    files.write("good-key.pem", &pair.key);
    let error = |name: &str| {
        let error = files.try_load(ManualClock::default()).unwrap_err();
        files.write_pair(&pair);
        error.to_string().replace(&path(name), name)
    };

    let out = path("cert.pem");
    openssl(&["x509", "-in", &certificate, "-outform", "DER", "-out", &out]);
    assert_eq!(
        error("cert.pem"),
        "cert.pem is a certificate in DER format; expected a certificate in PEM format; convert it with 'openssl x509 -inform DER -in cert.pem -out NEW'"
    );
    let password = "pass:tr0ub4dor";
    let export = [
        "pkcs12",
        "-export",
        "-in",
        &certificate,
        "-inkey",
        &key,
        "-passout",
        password,
    ];
    openssl(&[&export[..], &["-out", &out]].concat());
    assert_eq!(
        error("cert.pem"),
        "cert.pem is a PKCS#12 file; expected a certificate in PEM format; convert it with 'openssl pkcs12 -nokeys -in cert.pem -out NEW'"
    );
    openssl(&[
        "crl2pkcs7",
        "-nocrl",
        "-certfile",
        &certificate,
        "-out",
        &out,
    ]);
    assert_eq!(
        error("cert.pem"),
        "block 1 (line 1) of cert.pem is a PKCS#7 bundle; expected a certificate in PEM format; convert it with 'openssl pkcs7 -print_certs -in cert.pem -out NEW'"
    );
    openssl(&["x509", "-in", &certificate, "-trustout", "-out", &out]);
    assert_eq!(
        error("cert.pem"),
        "block 1 (line 1) of cert.pem is an OpenSSL trusted certificate; expected a certificate in PEM format; convert it with 'openssl x509 -in cert.pem -out NEW'"
    );
    openssl(&[
        "req", "-new", "-subj", "/CN=a", "-key", &key, "-outform", "DER", "-out", &out,
    ]);
    assert_eq!(
        error("cert.pem"),
        "cert.pem is a certificate request in DER format; expected a certificate in PEM format; name another file"
    );

    let out = path("key.pem");
    openssl(&["pkey", "-in", &key, "-outform", "DER", "-out", &out]);
    assert_eq!(
        error("key.pem"),
        "key.pem is a private key in DER format; expected a private key in PEM format; convert it with 'openssl pkey -inform DER -in key.pem -out NEW'"
    );
    openssl(&[&export[..], &["-out", &out]].concat());
    assert_eq!(
        error("key.pem"),
        "key.pem is a PKCS#12 file; expected a private key in PEM format; convert it with 'openssl pkcs12 -nocerts -noenc -in key.pem -out NEW'"
    );
    let traditional = openssl(&["ec", "-in", &key]);
    files.write(
        "key.pem",
        format!(
            "{MARK}\n{}",
            traditional.replace("EC PRIVATE", "RSA PRIVATE")
        ),
    );
    assert_eq!(
        error("key.pem"),
        "block 1 (line 2) of key.pem has the wrong label: it contains an elliptic-curve key in SEC1; write EC PRIVATE KEY in its BEGIN and END lines"
    );
    let open_ssh =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nMAMCAQA=\n-----END OPENSSH PRIVATE KEY-----\n";
    files.write("key.pem", open_ssh);
    assert_eq!(
        error("key.pem"),
        "block 1 (line 1) of key.pem is an OpenSSH private key; expected a private key in PEM format; convert a copy of it with 'ssh-keygen -p -N \"\" -m PKCS8 -f key.pem'"
    );
    // Text and parameters, as openssl writes them, are no obstacle.
    let text = openssl(&["x509", "-in", &certificate, "-text"]);
    let parameters = openssl(&["ecparam", "-name", "prime256v1"]);
    files.write("cert.pem", text);
    files.write("key.pem", format!("{MARK}\n{parameters}{traditional}"));
    files.load();
}
