//! TLS: which servers are trusted, and which clients.

use std::net::SocketAddr;
use std::sync::Arc;

use dcv_resolver_client::{
    AnswerError, HttpClient, RequestErrorKind, ResolverClient, TlsFailure, TlsOptions, TlsVersion,
};
use dcv_resolver_core::Timestamp;
use dcv_resolver_test_support::pki::rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use dcv_resolver_test_support::pki::{Ca, Pair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedCipherSuite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Files, http, start_resolver};

/// Returns a client of the server on `address`, by the name localhost.
fn client(address: SocketAddr, tls: TlsOptions) -> ResolverClient {
    let url = format!("https://localhost:{}", address.port());
    ResolverClient::new(
        HttpClient::builder(url.parse().unwrap())
            .tls(tls)
            .build()
            .unwrap(),
    )
}

async fn failure(address: SocketAddr, tls: TlsOptions) -> TlsFailure {
    match client(address, tls).resolve(&http("console")).await {
        Err(AnswerError::Request(error)) => {
            assert_eq!(error.kind(), RequestErrorKind::Tls, "{error}");
            error.tls_failure().unwrap().clone()
        }
        other => panic!("{other:?}"),
    }
}

async fn is_found(address: SocketAddr, tls: TlsOptions) -> bool {
    let answer = client(address, tls).resolve(&http("console")).await;
    answer.unwrap().destination().is_some()
}

fn server_pair(ca: &Ca) -> Pair {
    ca.issue(&["localhost"], |_| {})
}

fn client_pair(ca: &Ca) -> Pair {
    ca.issue(&["gateway.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    })
}

#[tokio::test]
async fn only_the_ca_of_the_file_is_trusted() {
    let files = Files::new();
    let (ca, other) = (Ca::new("a CA"), Ca::new("another CA"));
    let address = start_resolver(Some(files.server(&server_pair(&ca), None)));
    let trusting = |ca: &Ca| TlsOptions::default().ca_file(files.write("ca.pem", &ca.pem));
    assert!(is_found(address, trusting(&ca)).await);
    assert_eq!(
        failure(address, trusting(&other)).await,
        TlsFailure::UnknownIssuer
    );
    let anyone = trusting(&other).strict(false);
    assert!(is_found(address, anyone).await);
}

#[tokio::test]
async fn certificate_must_name_the_host() {
    let files = Files::new();
    let ca = Ca::new("a CA");
    let pair = ca.issue(&["resolver.example", "192.0.2.1"], |_| {});
    let address = start_resolver(Some(files.server(&pair, None)));
    let tls = TlsOptions::default().ca_file(files.write("ca.pem", &ca.pem));
    let failure = failure(address, tls.clone()).await;
    let names = vec!["resolver.example".to_owned(), "192.0.2.1".to_owned()];
    assert_eq!(failure, TlsFailure::NotValidForName { names });
    assert_eq!(
        failure.to_string(),
        "has a certificate for resolver.example, 192.0.2.1; use one of these names"
    );
    assert!(is_found(address, tls.strict(false)).await);
}

#[tokio::test]
async fn certificate_must_be_valid_now() {
    let files = Files::new();
    let ca = Ca::new("a CA");
    let tls = TlsOptions::default().ca_file(files.write("ca.pem", &ca.pem));
    let expired = ca.issue(&["localhost"], |params| {
        params.not_after = date_time_ymd(2020, 1, 2);
    });
    let address = start_resolver(Some(files.server(&expired, None)));
    let at: Timestamp = "2020-01-02T00:00:00Z".parse().unwrap();
    let expected = TlsFailure::Expired {
        expired_at: Some(at),
    };
    assert_eq!(failure(address, tls.clone()).await, expected);

    let future = ca.issue(&["localhost"], |params| {
        params.not_before = date_time_ymd(3000, 1, 2);
    });
    let address = start_resolver(Some(files.server(&future, None)));
    let failure = failure(address, tls).await;
    assert!(matches!(
        failure,
        TlsFailure::NotYetValid {
            valid_from: Some(_)
        }
    ));
}

#[tokio::test]
async fn client_certificate_is_presented() {
    let files = Files::new();
    let (ca, clients) = (Ca::new("a CA"), Ca::new("a CA of clients"));
    let address = start_resolver(Some(files.server(&server_pair(&ca), Some(&clients.pem))));
    let tls = || TlsOptions::default().ca_file(files.write("ca.pem", &ca.pem));
    let with = |pair: &Pair| {
        let certificate = files.write("client.pem", &pair.certificate);
        tls().client_certificate(certificate, files.write("client.key", &pair.key))
    };
    assert!(is_found(address, with(&client_pair(&clients))).await);
    assert_eq!(
        failure(address, tls()).await,
        TlsFailure::ClientCertificateRequired
    );
    assert_eq!(
        failure(address, with(&client_pair(&ca))).await,
        TlsFailure::ClientCertificateRefused
    );
}

#[tokio::test]
async fn renewed_files_are_used_for_the_next_connection() {
    let files = Files::new();
    let (ca, other) = (Ca::new("a CA"), Ca::new("another CA"));
    let address = start_resolver(Some(files.server(&server_pair(&ca), None)));
    let path = files.write("ca.pem", &other.pem);
    let client = client(address, TlsOptions::default().ca_file(&path));
    let http_client = client.http();
    http_client.connect().await.unwrap_err();

    files.write("ca.pem", &ca.pem);
    http_client.connect().await.unwrap();
    // The previous ones stay in use.
    files.write("ca.pem", "invalid");
    http_client.connect().await.unwrap();
    files.write("ca.pem", &other.pem);
    http_client.connect().await.unwrap_err();
}

/// Starts a server that shakes hands with TLS 1.2 and these cipher suites.
async fn start_tls12(is_offered: fn(&SupportedCipherSuite) -> bool) -> SocketAddr {
    let pair = server_pair(&Ca::new("a CA"));
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(is_offered);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            chain.collect::<Result<_, _>>().unwrap(),
            PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap(),
        );
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The result is the client's to report.
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

#[tokio::test]
async fn minimum_version_is_kept() {
    let address = start_tls12(|_| true).await;
    let tls = TlsOptions::default().strict(false);
    let report = client(address, tls.clone()).http().connect().await.unwrap();
    assert_eq!(report.tls.unwrap().version, Some(TlsVersion::Tls12));
    let newer = tls.minimum_version(TlsVersion::Tls13);
    assert_eq!(failure(address, newer).await, TlsFailure::Incompatible);
}

#[tokio::test]
async fn missing_cipher_suite_is_no_missing_client_certificate() {
    // The key of its certificate is not one of RSA.
    let is_rsa = |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).contains("_RSA_");
    let address = start_tls12(is_rsa).await;
    let tls = TlsOptions::default().strict(false);
    assert_eq!(failure(address, tls).await, TlsFailure::Incompatible);
}

#[tokio::test]
async fn connection_is_described() {
    let files = Files::new();
    let ca = Ca::new("a CA");
    let pair = ca.issue(&["localhost", "192.0.2.1"], |params| {
        params.not_before = date_time_ymd(2020, 1, 2);
        params.not_after = date_time_ymd(3000, 1, 2);
    });
    let address = start_resolver(Some(files.server(&pair, None)));
    let tls = TlsOptions::default().ca_file(files.write("ca.pem", &ca.pem));
    let report = client(address, tls).http().connect().await.unwrap();
    assert!(report.addresses.contains(&address), "{report:?}");
    assert_eq!(report.peer, address);
    let tls = report.tls.unwrap();
    assert_eq!(tls.version, Some(TlsVersion::Tls13));
    let certificate = tls.certificate.unwrap();
    assert_eq!(certificate.dns_names, ["localhost"]);
    assert_eq!(
        certificate.ip_addresses,
        ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(certificate.issuer, "CN=a CA");
    assert_eq!(certificate.valid_from.to_string(), "2020-01-02T00:00:00Z");
    assert_eq!(certificate.expires_at.to_string(), "3000-01-02T00:00:00Z");

    let address = start_resolver(None);
    let plain = HttpClient::builder(format!("http://{address}").parse().unwrap())
        .build()
        .unwrap();
    assert_eq!(plain.connect().await.unwrap().tls, None);
}
