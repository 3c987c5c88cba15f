//! TLS, with an authority of the test's own.

use dcv_resolver_core::{SessionStore, StoreErrorKind};
use dcv_resolver_redis::{RedisConfig, RedisStore};
use dcv_resolver_test_support::pki::Ca;

use crate::support::{Server, fill, id, patient};

pub(crate) struct Authority(Ca);

impl Authority {
    pub(crate) fn new() -> Self {
        Self(Ca::new("authority.example"))
    }

    /// Issues a certificate for `name`, and its key.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let pair = self.0.issue(&[name], |_| {});
        (pair.certificate, pair.key)
    }

    pub(crate) fn pem(&self) -> &str {
        &self.0.pem
    }

    /// A server for `name` that wants a certificate of this authority.
    pub(crate) async fn server(&self, name: &str) -> Server {
        let mut server = Server::prepare(&[
            "--tls-cert-file",
            "server.pem",
            "--tls-key-file",
            "server.key",
            "--tls-ca-cert-file",
            "ca.pem",
        ]);
        let (certificate, key) = self.issue(name);
        for (file, text) in [
            ("server.pem", &certificate),
            ("server.key", &key),
            ("ca.pem", &self.0.pem),
        ] {
            std::fs::write(server.folder().join(file), text).unwrap();
        }
        server.use_tls();
        server.launch().await;
        server
    }

    /// A store that trusts this authority, and shows a certificate of it.
    pub(crate) fn store(&self, server: &Server) -> RedisStore {
        let (certificate, key) = self.issue("resolver.example");
        let config = format!("rediss://127.0.0.1:{}", server.port)
            .parse::<RedisConfig>()
            .unwrap()
            .ca_pem(self.0.pem.as_str())
            .unwrap()
            .client_certificate_pem(certificate, key)
            .unwrap();
        RedisStore::new(patient(config))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn mutual_tls_needs_trusted_certificates() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1").await;
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let (certificate, key) = authority.issue("resolver.example");
    let config = || url.parse::<RedisConfig>().unwrap();
    let trusting = || config().ca_pem(authority.0.pem.as_str()).unwrap();
    let shown = |config: RedisConfig| {
        config
            .client_certificate_pem(certificate.as_str(), key.as_str())
            .unwrap()
    };

    let store = RedisStore::new(shown(trusting()));
    fill(&store, 10).await;
    assert!(store.lookup(&id("s-0")).await.unwrap().is_some());

    // Without a certificate; with one, but trusting only the system's
    // authorities; without TLS.
    for config in [
        trusting(),
        shown(config()),
        server.url().parse::<RedisConfig>().unwrap(),
    ] {
        let error = RedisStore::new(config)
            .lookup(&id("s-0"))
            .await
            .unwrap_err();
        println!("{}", error.chain());
        assert!(
            matches!(
                error.kind(),
                StoreErrorKind::Unavailable | StoreErrorKind::TimedOut
            ),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn certificate_of_another_name_is_rejected() {
    let authority = Authority::new();
    let server = authority.server("cache.example").await;
    let (certificate, key) = authority.issue("resolver.example");
    let config = format!("rediss://127.0.0.1:{}", server.port)
        .parse::<RedisConfig>()
        .unwrap()
        .ca_pem(authority.0.pem.as_str())
        .unwrap()
        .client_certificate_pem(certificate, key)
        .unwrap();
    let error = RedisStore::new(config)
        .lookup(&id("s-0"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(
        error.chain().to_string().contains("certificate"),
        "{}",
        error.chain()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn key_of_another_certificate_is_invalid_config() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1").await;
    let (certificate, _) = authority.issue("resolver.example");
    let (_, key) = authority.issue("other.example");
    let config = format!("rediss://127.0.0.1:{}", server.port)
        .parse::<RedisConfig>()
        .unwrap()
        .ca_pem(authority.0.pem.as_str())
        .unwrap()
        .client_certificate_pem(certificate, key)
        .unwrap();
    let error = RedisStore::new(config)
        .lookup(&id("s-0"))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        StoreErrorKind::InvalidConfig,
        "{}",
        error.chain()
    );
}

#[test]
fn malformed_certificate_is_invalid_config() {
    let config = || "rediss://127.0.0.1".parse::<RedisConfig>().unwrap();
    for result in [
        config().ca_pem("no certificate"),
        config().ca_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        config().client_certificate_pem("", "no key"),
    ] {
        assert_eq!(result.unwrap_err().kind(), StoreErrorKind::InvalidConfig);
    }
}

#[test]
fn bundle_of_which_a_certificate_is_not_read_is_invalid_config() {
    let (one, other) = (Ca::new("a CA").pem, Ca::new("another CA").pem);
    let joined = format!("{}{other}", one.trim_end());
    // As `openssl x509 -trustout` writes it.
    let label = " TRUSTED CERTIFICATE-----";
    let trusted = format!("{one}{}", other.replace(" CERTIFICATE-----", label));
    for pem in [joined, trusted] {
        let config = "rediss://127.0.0.1".parse::<RedisConfig>().unwrap();
        let error = config.ca_pem(pem.as_str()).unwrap_err().chain().to_string();
        assert!(error.contains("of 2 certificates"), "{error}");
    }
}
