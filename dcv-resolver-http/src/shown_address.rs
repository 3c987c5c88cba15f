//! [`ShownAddress`]: an IP address in the log.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Displays as the address does.
///
/// With the standard library an IPv4 address takes four times as long, and a
/// line of the log mostly has two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownAddress(pub(crate) IpAddr);

impl fmt::Display for ShownAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => fmt_v4(address, f),
            IpAddr::V6(address) => address.fmt(f),
        }
    }
}

fn fmt_v4(address: Ipv4Addr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Four octets of three digits, each with a dot behind it.
    let mut text = [b'.'; 16];
    let mut length = 0;
    for octet in address.octets() {
        let digits = [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit);
        let zeros = usize::from(octet < 100) + usize::from(octet < 10);
        for digit in &digits[zeros..] {
            text[length] = *digit;
            length += 1;
        }
        length += 1;
    }
    f.write_str(str::from_utf8(&text[..length - 1]).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_octet_is_shown_without_leading_zeros() {
        for octet in 0..=u8::MAX {
            for address in [[octet; 4], [0, octet, 9, octet], [octet, 10, octet, 100]] {
                let address = Ipv4Addr::from(address);
                assert_eq!(
                    ShownAddress(address.into()).to_string(),
                    address.to_string()
                );
            }
        }
    }

    proptest! {
        #[test]
        fn an_address_is_shown_as_the_standard_library_shows_it(address: IpAddr) {
            prop_assert_eq!(ShownAddress(address).to_string(), address.to_string());
        }
    }
}
