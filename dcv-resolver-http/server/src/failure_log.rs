//! [`FailureLog`]: counts and logs connections that got no answer.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use dcv_resolver_core::ErrorChain;
use dcv_resolver_log_throttle::LogThrottle;

use crate::connections::Connections;
use crate::failure::{Failure, Severity, Stage};
use crate::limits::WARNING_WINDOW;

/// How many pairs of cause and peer have a warning of their own. Beyond that,
/// there is one warning for each cause, so a network of attackers cannot flood
/// the log.
const MAX_WARNINGS: usize = 256;

/// Counts every failure, and logs it once for each cause and peer within a
/// minute: any client can fail any number of times, and one that fails must not
/// hide another.
#[derive(Debug)]
pub(crate) struct FailureLog {
    connections: Connections,
    warnings: LogThrottle<Kind>,
}

/// A cause, and the address of the peer, without its port. `None` stands for
/// every peer beyond [`MAX_WARNINGS`], for local peers, and for the unknown peer
/// of a panic.
type Kind = (Failure, Option<IpAddr>);

impl FailureLog {
    pub(crate) fn new(connections: Connections) -> Self {
        Self {
            connections,
            warnings: LogThrottle::new(WARNING_WINDOW, |&(failure, peer): &Kind, suppressed| {
                let sentence = failure.sentence();
                tracing::warn!(
                    cause = failure.cause(),
                    peer = peer.map(tracing::field::display),
                    suppressed = suppressed.count,
                    "more {}: {sentence}",
                    match failure.stage() {
                        Stage::Admission => "connections refused",
                        Stage::Handshake => "TLS handshakes failed",
                        Stage::Http => "connections failed",
                    },
                );
            })
            .with_max_kinds(MAX_WARNINGS, |(failure, _)| (failure, None)),
        }
    }

    pub(crate) fn record(
        &self,
        failure: Failure,
        peer: Option<SocketAddr>,
        error: Option<&(dyn Error + 'static)>,
    ) {
        self.connections.failed(failure);
        let what = match failure.stage() {
            Stage::Admission => "connection refused",
            Stage::Handshake => "TLS handshake failed",
            Stage::Http => "connection failed",
        };
        let (cause, sentence) = (failure.cause(), failure.sentence());
        let error = error.map(|error| tracing::field::display(ErrorChain::new(error)));
        let peer_address = peer.map(|peer| peer.ip().to_canonical());
        let peer = peer.map(tracing::field::display);
        let is_warning =
            failure.severity() == Severity::Warn && self.warnings.allows((failure, peer_address));
        if is_warning {
            tracing::warn!(cause, peer, error, "{what}: {sentence}");
        } else {
            tracing::debug!(cause, peer, error, "{what}: {sentence}");
        }
    }
}
