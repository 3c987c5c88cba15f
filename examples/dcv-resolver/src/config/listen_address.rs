//! [`ListenAddress`]: where a listener is opened.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use dcv_resolver_core::Host;

use super::invalid_text::InvalidText;

/// An IP address and a port, a name and a port, or the path of a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    Ip(SocketAddr),
    /// Resolved when the listener is opened.
    Name {
        name: Host,
        port: u16,
    },
    /// Absolute.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Returns the port, unless it is a Unix socket.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Ip(address) => Some(address.port()),
            Self::Name { port, .. } => Some(*port),
            Self::Unix(_) => None,
        }
    }

    /// Returns whether only this machine reaches it.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Ip(address) => address.ip().is_loopback(),
            Self::Name { name, .. } => name.as_str() == "localhost",
            Self::Unix(_) => true,
        }
    }

    /// Returns whether a listener here occupies `other`. An unspecified address
    /// includes every other; `[::]` includes those of IPv4.
    pub(super) fn occupies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ip(first), Self::Ip(second)) => {
                let all_or_same = first.ip() == second.ip()
                    || [first, second]
                        .iter()
                        .any(|address| address.ip().is_unspecified());
                first.port() == second.port() && first.port() != 0 && all_or_same
            }
            (first, second) => first == second && first.port() != Some(0),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') && !path.ends_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(InvalidText::new(
                    "expected unix: and an absolute path, such as unix:/run/dcv-resolver/http.sock",
                ))
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let name_and_port = text.rsplit_once(':').and_then(|(name, port)| {
            // An address without brackets, or with a wrong port.
            let is_name =
                !name.contains([':', '[', ']']) && name.parse::<std::net::IpAddr>().is_err();
            let name = name.parse().ok().filter(|_| is_name)?;
            Some(Self::Name {
                name,
                port: port.parse().ok()?,
            })
        });
        name_and_port.ok_or_else(|| {
            InvalidText::new(
                "expected an IP address or a name and a port, such as 127.0.0.1:9000, [::1]:9000 or localhost:9000, or unix: and a path",
            )
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name { name, port } => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_name_and_path_are_read_and_written_alike() {
        for text in [
            "127.0.0.1:9000",
            "[::1]:9000",
            "0.0.0.0:0",
            "localhost:9000",
            "resolver.example:9000",
            "unix:/run/dcv-resolver/http.sock",
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            ":9000",
            "localhost",
            "localhost:",
            "localhost:99999",
            "127.0.0.1",
            "127.0.0.1:99999",
            "::1:9000",
            "[::1]",
            "a b:9000",
            "unix:",
            "unix:http.sock",
            "unix:/run/",
            "http://127.0.0.1:9000",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn listener_occupies_the_same_address_and_a_narrower_one() {
        for (first, second, expected) in [
            ("0.0.0.0:9000", "127.0.0.1:9000", true),
            ("127.0.0.1:9000", "[::]:9000", true),
            ("127.0.0.1:9000", "127.0.0.1:9001", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("localhost:9000", "localhost:9000", true),
            ("localhost:0", "localhost:0", false),
            ("unix:/a", "unix:/a", true),
            ("unix:/a", "unix:/b", false),
            ("unix:/a", "127.0.0.1:9000", false),
        ] {
            let [first, second] = [first, second].map(|it| it.parse::<ListenAddress>().unwrap());
            assert_eq!(first.occupies(&second), expected, "{first} {second}");
        }
    }
}
