//! [`TlsFileContents`]: the files of [`TlsOptions`], and what rustls makes of
//! them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

use crate::any_certificate::AnyCertificate;
use crate::client_certificate::RecordsRequest;
use crate::pem;
use crate::tls_file_error::TlsFileError;
use crate::tls_options::{TlsOptions, TlsVersion};

/// The contents of the files, to notice a change.
#[derive(PartialEq, Eq)]
pub(crate) struct TlsFileContents {
    ca: Option<Vec<u8>>,
    /// The certificate and the key.
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsFileContents {
    /// Reads the files. It blocks.
    pub(crate) fn read(options: &TlsOptions) -> Result<Self, TlsFileError> {
        let read = |path: &Path| {
            dcv_resolver_file_watch::read(path).map_err(|source| TlsFileError::Unreadable {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            ca: options.ca_file.as_deref().map(read).transpose()?,
            client: match &options.client {
                None => None,
                Some(files) => Some((read(&files.certificate)?, read(&files.key)?)),
            },
        })
    }

    /// Checks the contents and combines them with the options. A server that asks
    /// for a client certificate sets `is_asked`.
    pub(crate) fn config(
        &self,
        options: &TlsOptions,
        system_cas: &Arc<RootCertStore>,
        is_asked: &Arc<AtomicBool>,
    ) -> Result<ClientConfig, TlsFileError> {
        // Chosen here, so that a program with another provider is not disturbed.
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        #[expect(clippy::expect_used, reason = "ring has suites for both versions")]
        let builder = builder
            .with_protocol_versions(versions(options.minimum_version))
            .expect("ring supports TLS 1.2 and 1.3");
        let roots = match (&options.ca_file, &self.ca) {
            (Some(path), Some(bytes)) => Arc::new(cas(path, bytes)?),
            _ => Arc::clone(system_cas),
        };
        let builder = if options.strict {
            builder.with_root_certificates(roots)
        } else {
            let any = AnyCertificate(provider);
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(any))
        };
        let mut config = match (&options.client, &self.client) {
            (Some(files), Some((certificate, key))) => {
                let chain = pem::certificates(&files.certificate, certificate)?;
                let key = pem::key(&files.key, key)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| pair_error(&files.certificate, &files.key, error))?
            }
            _ => builder.with_no_client_auth(),
        };
        config.client_auth_cert_resolver = Arc::new(RecordsRequest {
            inner: config.client_auth_cert_resolver,
            is_asked: Arc::clone(is_asked),
        });
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Returns the CAs of the system, if `options` need them. It blocks.
pub(crate) fn system_cas(options: &TlsOptions) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    if options.ca_file.is_some() || !options.strict {
        return Ok(roots);
    }
    // A system has more than a hundred: one that is damaged does not count.
    let found = rustls_native_certs::load_native_certs().certs;
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err(TlsFileError::NoSystemCas);
    }
    Ok(roots)
}

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

fn versions(minimum: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match minimum {
        TlsVersion::Tls12 => &FROM_TLS12,
        TlsVersion::Tls13 => &FROM_TLS13,
    }
}

fn cas(path: &Path, bytes: &[u8]) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'_>> = pem::certificates(path, bytes)?;
    for (number, certificate) in (1..).zip(certificates) {
        roots
            .add(certificate)
            .map_err(|error| TlsFileError::InvalidCertificate {
                path: path.to_owned(),
                number,
                source: error.into(),
            })?;
    }
    Ok(roots)
}

fn pair_error(certificate: &Path, key: &Path, error: rustls::Error) -> TlsFileError {
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    match error {
        rustls::Error::InconsistentKeys(_) => TlsFileError::KeyMismatch { certificate, key },
        error => TlsFileError::Rejected {
            certificate,
            key,
            source: error.into(),
        },
    }
}
