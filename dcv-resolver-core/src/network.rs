//! [`Network`]: a range of IP addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of IP addresses in CIDR notation, such as `192.0.2.0/24`.
///
/// - A bare address is the network of that address alone.
/// - An address with bits set beyond the prefix, as in `192.0.2.7/24`, is
///   rejected: it may mean either that address or the whole network.
/// - IPv4-mapped IPv6 networks are the IPv4 networks.
///
/// ```
/// use dcv_resolver_core::Network;
///
/// let network: Network = "192.0.2.0/24".parse()?;
/// assert!(network.contains("192.0.2.7".parse()?));
/// assert!(network.contains("::ffff:192.0.2.7".parse()?));
/// assert!(!network.contains("198.51.100.7".parse()?));
///
/// let error = "192.0.2.7/24".parse::<Network>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the address has bits set beyond its prefix; write 192.0.2.0/24 for the network or 192.0.2.7 for the address",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

/// An error that occurs when a string is not a valid [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// Neither an address nor a network in CIDR notation.
    #[error(
        "not a network: expected an address and the length of its prefix, such as 192.0.2.0/24 or 2001:db8::/32"
    )]
    Syntax,
    /// The prefix does not cover the whole address.
    #[error(
        "the address has bits set beyond its prefix; write {network} for the network or {address} for the address"
    )]
    HostBits {
        /// The network that the address lies in.
        network: Network,
        /// The address as it was given.
        address: IpAddr,
    },
}

impl Network {
    /// Returns whether `address` lies in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    fn canonical(network: IpNet) -> Self {
        if let IpNet::V6(v6) = network
            && let Some(length) = v6.prefix_len().checked_sub(96)
            && let Some(address) = v6.addr().to_ipv4_mapped()
            && let Ok(v4) = Ipv4Net::new(address, length)
        {
            return Self(IpNet::V4(v4));
        }
        Self(network)
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical().into())
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        let network: IpNet = text.parse().map_err(|_| InvalidNetwork::Syntax)?;
        if network.addr() != network.network() {
            return Err(InvalidNetwork::HostBits {
                network: Self::canonical(network.trunc()),
                address: network.addr().to_canonical(),
            });
        }
        Ok(Self::canonical(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_are_accepted() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
            ("2001:db8::7", "2001:db8::7/128"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "",
            "all",
            "192.0.2.0/33",
            "192.0.2/24",
            "192.0.2.0/",
            "192.0.2.0/24 ",
            "/24",
            "2001:db8::/129",
            "[2001:db8::]/32",
            "ws.example",
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(InvalidNetwork::Syntax),
                "{text:?}"
            );
        }
    }

    #[test]
    fn host_bits_are_rejected_with_both_readings() {
        let error = "2001:db8::7/64".parse::<Network>().unwrap_err();
        assert_eq!(
            error,
            InvalidNetwork::HostBits {
                network: "2001:db8::/64".parse().unwrap(),
                address: "2001:db8::7".parse().unwrap(),
            }
        );
    }

    #[test]
    fn network_contains_only_addresses_of_its_family() {
        let everything_v4: Network = "0.0.0.0/0".parse().unwrap();
        let everything_v6: Network = "::/0".parse().unwrap();
        let (v4, v6) = ("192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap());
        assert!(everything_v4.contains(v4) && !everything_v4.contains(v6));
        assert!(everything_v6.contains(v6) && !everything_v6.contains(v4));
    }

    #[test]
    fn network_serializes_as_text_and_back() {
        let network: Network = serde_json::from_str(r#""192.0.2.0/24""#).unwrap();
        assert_eq!(
            serde_json::to_string(&network).unwrap(),
            r#""192.0.2.0/24""#
        );
        let error = serde_json::from_str::<Network>(r#""192.0.2.7/24""#).unwrap_err();
        assert!(error.to_string().contains("write 192.0.2.0/24"), "{error}");
    }
}
