//! [`ListenEndpoint`]: one of the addresses at which a DCV server or a gateway
//! listens.

use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};

/// An element of `web-listen-endpoints` or `quic-listen-endpoints`: an address, and
/// perhaps a port, such as `0.0.0.0`, `192.0.2.1:8443`, `::` or `[::%eth1]:8443`.
///
/// ```
/// use dcv_resolver_dcv_config::ListenEndpoint;
///
/// let endpoint: ListenEndpoint = "[::%eth1]:9443".parse()?;
/// assert_eq!(endpoint.address(), "::%eth1");
/// assert_eq!(endpoint.port(), Some(9443));
/// # Ok::<(), dcv_resolver_dcv_config::InvalidListenEndpoint>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenEndpoint {
    address: String,
    port: Option<u16>,
}

/// An error that occurs when a string is not a [`ListenEndpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {EXPECTED}")]
#[non_exhaustive]
pub struct InvalidListenEndpoint;

const EXPECTED: &str = "an address with or without a port, such as \"0.0.0.0\" or \"[::]:8443\"";

impl ListenEndpoint {
    /// Returns the address, without brackets, and with its zone if it has one.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the address without its zone; `None` if it is a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.split('%').next()?.parse().ok()
    }

    /// Returns the port, if the endpoint has one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns whether only its own machine can reach the endpoint.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.ip() {
            Some(ip) => ip.to_canonical().is_loopback(),
            None => self.address.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl FromStr for ListenEndpoint {
    type Err = InvalidListenEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, port) = match text.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']').ok_or(InvalidListenEndpoint)?;
                let port = rest.strip_prefix(':');
                if port.is_none() && !rest.is_empty() {
                    return Err(InvalidListenEndpoint);
                }
                (address, port)
            }
            // More than one colon: an IPv6 address without a port.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((address, port)) => (address, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            Some(port) => Some(port.parse().map_err(|_| InvalidListenEndpoint)?),
            None => None,
        };
        if address.is_empty() || address.contains(char::is_whitespace) {
            return Err(InvalidListenEndpoint);
        }
        Ok(Self {
            address: address.to_owned(),
            port,
        })
    }
}

impl<'de> Deserialize<'de> for ListenEndpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::invalid_value(Unexpected::Other("another string"), &EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_port_are_read_in_every_form() {
        for (text, address, port, is_loopback) in [
            ("0.0.0.0", "0.0.0.0", None, false),
            ("192.0.2.1:8443", "192.0.2.1", Some(8443), false),
            ("127.0.0.1:0", "127.0.0.1", Some(0), true),
            ("::", "::", None, false),
            ("::1", "::1", None, true),
            ("[::1]", "::1", None, true),
            ("[2001:db8::1]:8443", "2001:db8::1", Some(8443), false),
            ("[::%eth1]:8443", "::%eth1", Some(8443), false),
            ("localhost:8443", "localhost", Some(8443), true),
        ] {
            let endpoint: ListenEndpoint = text.parse().unwrap();
            assert_eq!(endpoint.address(), address, "{text}");
            assert_eq!(endpoint.port(), port, "{text}");
            assert_eq!(endpoint.is_loopback(), is_loopback, "{text}");
        }
    }

    #[test]
    fn other_text_is_rejected() {
        for text in [
            "",
            ":8443",
            "0.0.0.0:",
            "0.0.0.0:70000",
            "0.0.0.0:web",
            "[::]8443",
            "[::",
            "0.0.0.0 8443",
        ] {
            let parsed: Result<ListenEndpoint, _> = text.parse();
            assert_eq!(parsed, Err(InvalidListenEndpoint), "{text}");
        }
    }
}
