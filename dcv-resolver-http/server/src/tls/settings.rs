//! [`Settings`]: what a handshake needs, checked and ready.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::Clock;
use dcv_resolver_file_watch::{Content, digest};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{Error, RootCertStore, ServerConfig};
use tower::BoxError;

use super::certificate::Certificate;
use super::error::TlsError;
use super::files::TlsFiles;
use super::pem::{PemCertificate, PemFile};
use super::unexpected::Role;

/// The files, checked and converted.
pub(super) struct Settings {
    /// A hash of the contents of the files.
    pub(super) digest: u64,
    pub(super) config: Arc<ServerConfig>,
    pub(super) certificate: Certificate,
    /// The certificate, and those of its issuers that the file holds.
    pub(super) chain: Arc<[Certificate]>,
    pub(super) client_cas: Arc<[Certificate]>,
}

impl Settings {
    /// Checks `contents`, those of `files` in the order of
    /// [`paths`](TlsFiles::paths), and converts them.
    pub(super) fn new(
        files: &TlsFiles,
        contents: Vec<Content>,
        clock: &Arc<dyn Clock>,
        dates: Dates,
    ) -> Result<Self, TlsError> {
        let digest = digest(&contents);
        // Not the default of the process, which only the program may set.
        let provider = Arc::new(ring::default_provider());
        let mut contents = contents.into_iter();
        #[expect(clippy::expect_used, reason = "an invariant of `TlsFiles::paths`")]
        let mut read = |path, role| {
            let content = contents.next().expect("each path has a content");
            PemFile::new(path, role, content)
        };

        let (chain, certified_key) = pair(
            &read(&files.certificate, Role::Certificate)?,
            &read(&files.key, Role::Key)?,
            &provider,
        )?;
        // There is at least one.
        let certificate = chain.clone().swap_remove(0);
        if dates == Dates::MustBeValid {
            check_dates(&certificate, &files.certificate, &**clock)?;
        }
        let builder = ServerConfig::builder_with_details(
            Arc::clone(&provider),
            Arc::new(ClockTime(Arc::clone(clock))),
        )
        .with_safe_default_protocol_versions()
        .map_err(|error| rejected(&files.certificate, error))?;
        let (builder, client_cas) = match &files.client_ca {
            None => (builder.with_no_client_auth(), Vec::new()),
            Some(path) => {
                let (verifier, client_cas) =
                    client_verifier(&read(path, Role::ClientCa)?, provider)?;
                (builder.with_client_cert_verifier(verifier), client_cas)
            }
        };
        let resolver = SingleCertAndKey::from(certified_key);
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if files.client_ca.is_some() {
            // A client that resumes a session presents no certificate, and
            // would be admitted after that has expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            digest,
            config: Arc::new(config),
            certificate,
            chain: chain.into(),
            client_cas: client_cas.into(),
        })
    }
}

/// Whether a certificate must be valid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// At the start: a server that refused to start could not use the next
    /// certificate as soon as it exists.
    MayBeInvalid,
    /// At a reload: the certificate in use stays.
    MustBeValid,
}

/// Returns the certificate with its issuers, and the chain and key that sign
/// handshakes.
fn pair(
    chain: &PemFile<'_>,
    key: &PemFile<'_>,
    provider: &CryptoProvider,
) -> Result<(Vec<Certificate>, CertifiedKey), TlsError> {
    let found = chain.certificates()?;
    let certificates = parse_all(chain, &found)?;
    let key_der = key.key()?;
    // The library's error is dropped, so that it can never quote the key.
    let signing_key = provider
        .key_provider
        .load_private_key(key_der)
        .map_err(|_| TlsError::UnsupportedKey {
            path: key.path().to_owned(),
        })?;
    let ders = found.into_iter().map(|certificate| certificate.der);
    let certified_key = CertifiedKey::new(ders.collect(), signing_key);
    match certified_key.keys_match() {
        Ok(()) => Ok((certificates, certified_key)),
        Err(Error::InconsistentKeys(_)) => Err(mismatch(chain, key, certified_key)),
        Err(error) => Err(rejected(chain.path(), error)),
    }
}

fn mismatch(chain: &PemFile<'_>, key: &PemFile<'_>, certified_key: CertifiedKey) -> TlsError {
    let CertifiedKey {
        cert,
        key: signing_key,
        ..
    } = certified_key;
    let owner = cert.into_iter().position(|der| {
        CertifiedKey::new(vec![der], Arc::clone(&signing_key))
            .keys_match()
            .is_ok()
    });
    let (certificate, key) = (chain.path().to_owned(), key.path().to_owned());
    match owner {
        None => TlsError::KeyMismatch { certificate, key },
        Some(index) => TlsError::WrongOrder {
            certificate,
            key,
            number: index + 1,
        },
    }
}

fn check_dates(certificate: &Certificate, path: &Path, clock: &dyn Clock) -> Result<(), TlsError> {
    let now = clock.now();
    let path = path.to_owned();
    let (valid_from, expired_at) = (certificate.valid_from(), certificate.expires_at());
    if now > expired_at {
        return Err(TlsError::Expired {
            path,
            expired_at,
            now,
        });
    }
    if now < valid_from {
        return Err(TlsError::NotYetValid {
            path,
            valid_from,
            now,
        });
    }
    Ok(())
}

/// Requires a certificate from every client, issued by one of the CAs in
/// `file`.
fn client_verifier(
    file: &PemFile<'_>,
    provider: Arc<CryptoProvider>,
) -> Result<(Arc<dyn ClientCertVerifier>, Vec<Certificate>), TlsError> {
    let found = file.certificates()?;
    let certificates = parse_all(file, &found)?;
    let mut roots = RootCertStore::empty();
    for ((number, PemCertificate { der, line }), certificate) in (1..).zip(found).zip(&certificates)
    {
        if !certificate.can_be_trusted_as_ca() {
            return Err(TlsError::NotACa {
                path: file.path().to_owned(),
                number,
                line,
                subject: certificate.subject().to_owned(),
            });
        }
        roots
            .add(der)
            .map_err(|error| invalid_certificate(file, number, line, error.into()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| rejected(file.path(), error))?;
    Ok((verifier, certificates))
}

fn parse_all(file: &PemFile<'_>, found: &[PemCertificate]) -> Result<Vec<Certificate>, TlsError> {
    let parse = |(number, PemCertificate { der, line }): (usize, &PemCertificate)| {
        Certificate::parse(der).map_err(|error| invalid_certificate(file, number, *line, error))
    };
    (1..).zip(found).map(parse).collect()
}

fn invalid_certificate(
    file: &PemFile<'_>,
    number: usize,
    line: usize,
    source: BoxError,
) -> TlsError {
    TlsError::InvalidCertificate {
        path: file.path().to_owned(),
        number,
        line,
        source,
    }
}

fn rejected(path: &Path, source: impl Into<BoxError>) -> TlsError {
    TlsError::Rejected {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// Checks the certificates of clients against the injected clock.
#[derive(Debug)]
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let unix_ms = u64::try_from(self.0.now().as_unix_ms()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(unix_ms)))
    }
}
