//! [`Peer`]: whose connections are counted together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    V4(Ipv4Addr),
    /// The first 64 bits: one host can use every address that shares them.
    V6([u8; 8]),
    /// A peer without a limit of its own: one of this machine over a Unix
    /// socket, or a load balancer whose client is not known yet.
    Unlimited,
}

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Self {
        match address.map(|address| address.ip().to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
            None => Self::Unlimited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_mapped_addresses_and_one_ipv6_network_are_one_peer() {
        let peer = |text: &str| Peer::from(Some(text.parse().unwrap()));
        for (first, second, are_one) in [
            ("192.0.2.7:1", "192.0.2.7:2", true),
            ("192.0.2.7:1", "[::ffff:192.0.2.7]:2", true),
            ("192.0.2.7:1", "192.0.2.8:1", false),
            ("[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true),
            ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false),
        ] {
            assert_eq!(peer(first) == peer(second), are_one, "{first} {second}");
        }
        assert_eq!(Peer::from(None), Peer::Unlimited);
    }
}
