//! [`PeerFilter`]: a set of addresses, as a function.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

#[derive(Clone)]
pub(crate) struct PeerFilter(Arc<dyn Fn(IpAddr) -> bool + Send + Sync>);

impl PeerFilter {
    pub(crate) fn new(contains: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(contains))
    }

    /// Returns whether the address is in the set. An IPv4-mapped IPv6 address is
    /// the IPv4 address.
    pub(crate) fn contains(&self, peer: SocketAddr) -> bool {
        (self.0)(peer.ip().to_canonical())
    }
}

impl fmt::Debug for PeerFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerFilter")
    }
}
