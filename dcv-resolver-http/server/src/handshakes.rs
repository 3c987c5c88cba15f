//! [`Handshakes`]: turns TCP connections into TLS connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dcv_resolver_log_throttle::LogThrottle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

use crate::connections::Connections;
use crate::handshake_failure::cause;
use crate::tls::Tls;

/// How long a warning is not repeated.
const WARNING_WINDOW: Duration = Duration::from_secs(60);

/// The handshakes of all connections of a server.
#[derive(Debug)]
pub(crate) struct Handshakes {
    tls: Tls,
    connections: Connections,
    /// One kind for each cause.
    warnings: LogThrottle<&'static str>,
}

impl Handshakes {
    pub(crate) fn new(tls: Tls, connections: Connections) -> Self {
        Self {
            tls,
            connections,
            warnings: LogThrottle::new(WARNING_WINDOW, |cause: &&'static str, suppressed| {
                tracing::warn!(
                    suppressed = suppressed.count,
                    "more TLS handshakes failed: {cause}",
                );
            }),
        }
    }

    /// Begins a handshake with the current certificate.
    pub(crate) fn begin<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.tls.config()).accept(stream)
    }

    /// Counts and logs a failed handshake. Any client can make any number of
    /// handshakes fail, so each cause is a warning once per window. Without a
    /// warning, an operator could not learn why a gateway does not connect.
    pub(crate) fn failed(&self, peer: SocketAddr, error: &io::Error) {
        let failed_total = self.connections.tls_handshake_failed();
        let cause = cause(error);
        if self.warnings.allows(cause) {
            tracing::warn!(%peer, %error, failed_total, "TLS handshake failed: {cause}");
        } else {
            tracing::debug!(%peer, %error, failed_total, "TLS handshake failed: {cause}");
        }
    }
}
