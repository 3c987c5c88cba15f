//! [`Counters`]: what the metrics of a gateway count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A metric of the gateway, under the gateway's own name.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Metrics".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GatewayMetric {
    /// The resolver answered with 200, whether or not the answer can be used.
    SessionResolverSuccessCount,
    /// The resolver answered with 404.
    SessionResolverNotFoundCount,
    /// The resolver answered with another status.
    SessionResolverInvalidResponseCount,
    /// The resolver could not be reached.
    SessionResolverConnectionErrorCount,
    /// The DCV server could not be reached.
    TargetUnreachableErrorCount,
    /// There was no TLS connection with the DCV server.
    TargetTlsNegotiationErrorCount,
}

/// The protocol that a client connects with. The resolver sees only two
/// transports: `HTTP` for the first two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GatewayProtocol {
    /// A request that does not become a WebSocket.
    Http,
    /// A WebSocket.
    WebSocket,
    /// QUIC.
    Quic,
}

/// What has been counted; clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters(Arc<Mutex<HashMap<(GatewayMetric, GatewayProtocol), u64>>>);

impl Counters {
    pub(super) fn add(&self, metric: GatewayMetric, protocol: GatewayProtocol) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((metric, protocol)).or_default() += 1;
    }

    pub(super) fn count(&self, metric: GatewayMetric, protocol: GatewayProtocol) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&(metric, protocol)).copied().unwrap_or_default()
    }
}
