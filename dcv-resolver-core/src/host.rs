//! [`Host`]: the host name or address of a DCV server.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::memory_size::allocated_bytes;

/// The bare host of a DCV server: a DNS name, an IPv4 address, or an IPv6
/// address without brackets.
///
/// - No scheme, port, path, brackets or zone id.
/// - A DNS name has at most 253 characters, in labels of 1 to 63 letters,
///   digits, `-` or `_` that neither start nor end with `-`. It has no
///   trailing dot: the gateway compares the name with the server's
///   certificate, which has none.
/// - An IPv4 address is four decimal numbers. Any other string whose last label
///   is a decimal or hexadecimal number is rejected: some resolver libraries
///   read `127.1`, `0x7f000001` and `2130706433` as addresses too, and not
///   always as the same one.
/// - The unspecified addresses `0.0.0.0` and `::`, multicast addresses and
///   `255.255.255.255` are rejected, since no client can connect to them.
///
/// An address is stored in its canonical form, a name as it was written.
///
/// ```
/// use dcv_resolver_core::Host;
///
/// assert_eq!("ws-17.dcv.example".parse::<Host>()?.as_str(), "ws-17.dcv.example");
/// assert_eq!("2001:DB8:0::1".parse::<Host>()?.as_str(), "2001:db8::1");
///
/// let error = "https://ws-17.dcv.example".parse::<Host>().unwrap_err();
/// assert_eq!(error.to_string(), "a host is a bare DNS name or IP address, without the scheme");
/// # Ok::<(), dcv_resolver_core::InvalidHost>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(Box<str>);

/// An error that occurs when a string is not a valid [`Host`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHost {
    /// The string is empty.
    #[error("a host must not be empty")]
    Empty,
    /// The string contains `://`.
    #[error("a host is a bare DNS name or IP address, without the scheme")]
    Scheme,
    /// The string is an address in brackets.
    #[error("an IPv6 address is written without brackets here")]
    Brackets,
    /// The string ends in a port.
    #[error("a host is a bare DNS name or IP address; the port has a field of its own")]
    Port,
    /// The address has a zone id (`%eth0`).
    #[error(
        "an address with a zone id is valid on one machine only; leave out the % and everything after it"
    )]
    Zone,
    /// The address is `0.0.0.0` or `::`.
    #[error("clients cannot connect to the unspecified address; give the DCV server's own address")]
    Unspecified,
    /// The address stands for many hosts: multicast, or `255.255.255.255`.
    #[error(
        "a multicast or broadcast address is not the address of one server; give the DCV server's own address"
    )]
    NotUnicast,
    /// The last label is a number, but the string is not an IPv4 address.
    #[error(
        "this looks like an IPv4 address but is not one: expected four decimal numbers from 0 to 255"
    )]
    MistypedIpv4,
    /// The string ends in a dot.
    #[error("a host is written without the trailing dot here; leave it out")]
    TrailingDot,
    /// The name is longer than 253 characters.
    #[error("a DNS name has at most 253 characters, but this one has {length}")]
    TooLong {
        /// The length of the name.
        length: usize,
    },
    /// A label breaks the rules.
    #[error(
        "not a DNS name: each part between dots must have 1 to 63 letters, digits, '-' or '_', with no '-' at either end"
    )]
    Label,
}

impl Host {
    /// Checks `text` and creates a host.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`], when `text` breaks one of the rules above.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidHost> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(InvalidHost::Empty);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Self::from_ip(address);
        }
        if text.contains("://") {
            return Err(InvalidHost::Scheme);
        }
        if text.starts_with('[') {
            return Err(InvalidHost::Brackets);
        }
        if let Some((address, _zone)) = text.split_once('%')
            && address.parse::<Ipv6Addr>().is_ok()
        {
            return Err(InvalidHost::Zone);
        }
        if let Some((host, port)) = text.rsplit_once(':')
            && !host.contains(':')
            && port.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(InvalidHost::Port);
        }
        if text.ends_with('.') && text.len() > 1 {
            return Err(InvalidHost::TrailingDot);
        }
        check_dns_name(text)?;
        Ok(Self(text.into()))
    }

    fn from_ip(address: IpAddr) -> Result<Self, InvalidHost> {
        // Check it as IPv4 too: `::ffff:0.0.0.0` connects to the machine
        // itself.
        match address.to_canonical() {
            canonical if canonical.is_unspecified() => return Err(InvalidHost::Unspecified),
            canonical if canonical.is_multicast() => return Err(InvalidHost::NotUnicast),
            IpAddr::V4(Ipv4Addr::BROADCAST) => return Err(InvalidHost::NotUnicast),
            _ => {}
        }
        Ok(Self(address.to_string().into()))
    }

    /// Returns the host as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns host and port, as in a URL: an IPv6 address is in brackets.
    ///
    /// ```
    /// use dcv_resolver_core::Host;
    ///
    /// assert_eq!("ws-17.dcv.example".parse::<Host>()?.authority(8443), "ws-17.dcv.example:8443");
    /// assert_eq!("2001:db8::1".parse::<Host>()?.authority(8443), "[2001:db8::1]:8443");
    /// # Ok::<(), dcv_resolver_core::InvalidHost>(())
    /// ```
    #[must_use]
    pub fn authority(&self, port: u16) -> String {
        if self.0.contains(':') {
            format!("[{self}]:{port}")
        } else {
            format!("{self}:{port}")
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        allocated_bytes(self.0.len())
    }
}

/// `text` must not be an IP address.
fn check_dns_name(text: &str) -> Result<(), InvalidHost> {
    if text.len() > 253 {
        return Err(InvalidHost::TooLong { length: text.len() });
    }
    if !text.split('.').all(is_dns_label) {
        return Err(InvalidHost::Label);
    }
    let last = text.rsplit('.').next().unwrap_or(text);
    if is_number(last) {
        return Err(InvalidHost::MistypedIpv4);
    }
    Ok(())
}

/// The rule that browsers use (WHATWG URL, "ends in a number"). It covers what
/// `inet_aton`, and with it `getaddrinfo`, takes for an address: there, too, the
/// last part is always a number. Octal ones are all digits.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for Host {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl TryFrom<IpAddr> for Host {
    type Error = InvalidHost;

    fn try_from(address: IpAddr) -> Result<Self, Self::Error> {
        Self::from_ip(address)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0.into()
    }
}

impl AsRef<str> for Host {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_addresses_are_accepted() {
        for (text, kept) in [
            ("ws-17.dcv.example", "ws-17.dcv.example"),
            ("WS_17", "WS_17"),
            ("3com.example", "3com.example"),
            // Numbers elsewhere than at the end, and labels that only look like one.
            ("127.0.0.1.example", "127.0.0.1.example"),
            ("0x7f.example", "0x7f.example"),
            ("0xws", "0xws"),
            ("ws.1e4", "ws.1e4"),
            ("ws.0b1", "ws.0b1"),
            ("255.255.255.254", "255.255.255.254"),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:0DB8::0007", "2001:db8::7"),
            ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ] {
            assert_eq!(Host::new(text).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn every_conversion_to_text_is_the_same() {
        let host = Host::new("ws.dcv.example").unwrap();
        assert_eq!(host.to_string(), "ws.dcv.example");
        assert_eq!(AsRef::<str>::as_ref(&host), "ws.dcv.example");
        assert_eq!(String::from(host), "ws.dcv.example");
    }

    #[test]
    fn only_an_ipv6_address_is_in_brackets_before_a_port() {
        for (host, authority) in [
            ("ws.dcv.example", "ws.dcv.example:8443"),
            ("192.0.2.7", "192.0.2.7:8443"),
            ("2001:db8::7", "[2001:db8::7]:8443"),
            ("::ffff:192.0.2.7", "[::ffff:192.0.2.7]:8443"),
        ] {
            assert_eq!(Host::new(host).unwrap().authority(8443), authority);
        }
    }

    #[test]
    fn each_invalid_host_has_its_own_error() {
        for (text, error) in [
            ("", InvalidHost::Empty),
            ("https://ws.dcv.example", InvalidHost::Scheme),
            ("[2001:db8::7]", InvalidHost::Brackets),
            ("[2001:db8::7]:8443", InvalidHost::Brackets),
            ("ws.dcv.example:8443", InvalidHost::Port),
            ("192.0.2.7:8443", InvalidHost::Port),
            ("fe80::1%eth0", InvalidHost::Zone),
            ("0.0.0.0", InvalidHost::Unspecified),
            ("::", InvalidHost::Unspecified),
            ("::ffff:0.0.0.0", InvalidHost::Unspecified),
            ("255.255.255.255", InvalidHost::NotUnicast),
            ("224.0.0.251", InvalidHost::NotUnicast),
            ("ff02::fb", InvalidHost::NotUnicast),
            ("::ffff:224.0.0.1", InvalidHost::NotUnicast),
            ("192.0.2.256", InvalidHost::MistypedIpv4),
            ("192.0.2", InvalidHost::MistypedIpv4),
            ("192.0.02.7", InvalidHost::MistypedIpv4),
            ("ws.dcv.example.", InvalidHost::TrailingDot),
            ("192.0.2.7.", InvalidHost::TrailingDot),
            (".", InvalidHost::Label),
            ("ws..example", InvalidHost::Label),
            ("-ws.example", InvalidHost::Label),
            ("ws-.example", InvalidHost::Label),
            ("ws example", InvalidHost::Label),
            ("ws\r\nexample", InvalidHost::Label),
            ("ws/example", InvalidHost::Label),
            ("user@ws.example", InvalidHost::Label),
            ("bücher.example", InvalidHost::Label),
        ] {
            assert_eq!(Host::new(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn label_has_at_most_63_bytes_and_name_at_most_253() {
        assert!(Host::new("a".repeat(63)).is_ok());
        assert_eq!(Host::new("a".repeat(64)), Err(InvalidHost::Label));
        assert!(Host::new("a.".repeat(126) + "a").is_ok());
        assert_eq!(
            Host::new("a.".repeat(126) + "aa"),
            Err(InvalidHost::TooLong { length: 254 })
        );
    }

    #[test]
    fn every_spelling_that_a_resolver_library_takes_for_an_address_is_rejected() {
        for text in [
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
            "0177.0.0.01",
            "0x7f000001",
            "0X7F000001",
            "0x7f.1",
            "x.0x1",
            "1.2.3.0xff",
            "0xffffffffffffffffffff",
            "0x",
            "0",
            "09",
            "256.1",
            "1.2.3.4.5",
            "ws.example.7",
        ] {
            assert_eq!(Host::new(text), Err(InvalidHost::MistypedIpv4), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn accepted_host_needs_no_escaping(text in ".*") {
            if let Ok(host) = Host::new(&text) {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
                prop_assert!(host.as_str().bytes().all(plain));
            }
        }

        #[test]
        fn every_unicast_address_is_accepted(address: IpAddr) {
            let canonical = address.to_canonical();
            prop_assume!(!canonical.is_unspecified() && !canonical.is_multicast());
            prop_assume!(canonical != IpAddr::V4(Ipv4Addr::BROADCAST));
            let host = Host::new(address.to_string()).unwrap();
            prop_assert_eq!(host.as_str().parse::<IpAddr>().unwrap(), address);
        }
    }
}
