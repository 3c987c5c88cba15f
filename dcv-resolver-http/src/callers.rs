//! [`AllowedCallers`]: the networks that requests may come from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::Extensions;
use dcv_resolver_core::Network;

/// Returns the other end of a request's connection, if the server provides
/// [`ConnectInfo`]. Like axum's own extractor, it also accepts
/// [`MockConnectInfo`] in tests.
#[must_use]
pub fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let peer = extensions.get().map(|&ConnectInfo(peer)| peer);
    peer.or_else(|| extensions.get().map(|&MockConnectInfo(peer)| peer))
}

/// Returns the address of the caller. An IPv4-mapped IPv6 address is returned
/// as the IPv4 address.
pub(crate) fn caller(extensions: &Extensions) -> Option<IpAddr> {
    peer(extensions).map(|peer| peer.ip().to_canonical())
}

/// The networks that callers may come from; `None` allows any.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedCallers(pub(crate) Option<Vec<Network>>);

impl AllowedCallers {
    /// Returns whether the caller is allowed. A caller without an address is in
    /// no network.
    pub(crate) fn allow(&self, caller: Option<IpAddr>) -> bool {
        self.0.as_ref().is_none_or(|networks| {
            caller.is_some_and(|caller| networks.iter().any(|network| network.contains(caller)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(networks: &[&str], caller: Option<&str>) -> bool {
        let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
        AllowedCallers(Some(networks)).allow(caller.map(|text| text.parse().unwrap()))
    }

    #[test]
    fn caller_is_allowed_from_the_networks_only() {
        let networks = ["192.0.2.0/24", "198.51.100.7", "2001:db8:7::/48"];
        for (caller, expected) in [
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("192.0.1.255", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:7::1", true),
            ("2001:db8:8::1", false),
            ("::ffff:192.0.2.9", true),
            ("::ffff:192.0.3.9", false),
            ("::192.0.2.9", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(allowed(&networks, Some(caller)), expected, "{caller}");
        }
    }

    #[test]
    fn network_of_mapped_addresses_is_the_ipv4_network() {
        let networks = ["::ffff:192.0.2.0/120"];
        assert!(allowed(&networks, Some("192.0.2.9")));
        assert!(!allowed(&networks, Some("192.0.3.9")));
    }

    #[test]
    fn caller_without_address_is_allowed_only_if_all_are() {
        assert!(!allowed(&["0.0.0.0/0", "::/0"], None));
        assert!(!allowed(&[], Some("192.0.2.9")));
        assert!(AllowedCallers(None).allow(None));
    }

    #[test]
    fn mapped_peer_is_its_ipv4_address() {
        let peer: SocketAddr = "[::ffff:192.0.2.9]:51234".parse().unwrap();
        let mut extensions = Extensions::new();
        assert_eq!(caller(&extensions), None);
        extensions.insert(ConnectInfo(peer));
        assert_eq!(caller(&extensions), Some("192.0.2.9".parse().unwrap()));
    }
}
