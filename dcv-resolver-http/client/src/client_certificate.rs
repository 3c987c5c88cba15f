//! [`ClientCertificate`]: whether the server asked for a client certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// What a server got when it asked for a client certificate. The alert of a server
/// that refuses a handshake often does not say which part of it was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientCertificate {
    /// It did not ask.
    NotAsked,
    /// None is configured.
    Missing,
    /// The one that is configured.
    Presented,
}

/// Presents what `inner` does, and records that a server asked.
///
/// One for all connections to a server: rustls resumes a TLS session only with the
/// resolver of certificates with which it began.
#[derive(Debug)]
pub(crate) struct RecordsRequest {
    pub(crate) inner: Arc<dyn ResolvesClientCert>,
    pub(crate) is_asked: Arc<AtomicBool>,
}

impl ResolvesClientCert for RecordsRequest {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.is_asked.store(true, Ordering::Relaxed);
        self.inner.resolve(root_hint_subjects, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }
}
