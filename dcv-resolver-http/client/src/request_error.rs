//! [`RequestError`]: where a request failed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::tls_failure::TlsFailure;

/// An error that occurs when a request gets no response.
///
/// Displays as one sentence with the host, the port and the cause. Clones share
/// the source.
#[derive(Debug, Clone)]
pub struct RequestError {
    kind: RequestErrorKind,
    message: String,
    tls: Option<TlsFailure>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The step at which a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestErrorKind {
    /// The path or the query is not valid in HTTP.
    InvalidUrl,
    /// The host name has no address, or its name servers failed.
    Dns,
    /// The host name was not resolved in time.
    DnsTimeout,
    /// No address accepted a connection.
    Connect,
    /// No address accepted a connection in time.
    ConnectTimeout,
    /// There is no TLS connection: see
    /// [`tls_failure`](RequestError::tls_failure).
    Tls,
    /// The TLS handshake was not finished in time.
    TlsTimeout,
    /// The response was not complete in time.
    ResponseTimeout,
    /// The response is longer than it may be.
    ResponseTooLarge,
    /// The connection was closed before the response was complete.
    Closed,
    /// What the server sent is not an HTTP response.
    Protocol,
}

impl RequestError {
    pub(crate) fn new(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            tls: None,
            source: None,
        }
    }

    pub(crate) fn with_tls_failure(mut self, failure: TlsFailure) -> Self {
        self.tls = Some(failure);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the step at which the request failed.
    #[must_use]
    pub fn kind(&self) -> RequestErrorKind {
        self.kind
    }

    /// Returns why there is no TLS connection, if that is what failed.
    #[must_use]
    pub fn tls_failure(&self) -> Option<&TlsFailure> {
        self.tls.as_ref()
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Not derived: the `Arc` is itself an error, so the derived method would hide
/// the type of the source.
impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
