//! [`parse`]: the client address that a gateway sends.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the address in `text`, as a gateway or a proxy in front of it may
/// write it: bare, in brackets, with a zone id, with a port. Returns `None` for
/// anything else. A bare IPv6 address is never split into address and port.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(bare) = text.parse() {
        return Some(bare);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let has_good_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return without_zone(address).filter(|_| has_good_end);
    }
    match text.split_once(':') {
        Some((address, port)) if is_port(port) && !address.is_empty() => {
            address.parse().ok().map(IpAddr::V4)
        }
        _ => without_zone(text),
    }
}

fn without_zone(text: &str) -> Option<IpAddr> {
    match text.split_once('%') {
        Some((_, "")) => None,
        Some((address, _zone)) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_spellings_of_an_address_are_read() {
        for (text, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:51234", "192.0.2.7"),
            ("[192.0.2.7]", "192.0.2.7"),
            ("[192.0.2.7]:51234", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:51234", "2001:db8::1"),
            ("2001:db8::1%eth0", "2001:db8::1"),
            ("[2001:db8::1%2]:51234", "2001:db8::1"),
            ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
            ("::", "::"),
            ("::1:443", "::1:443"),
        ] {
            assert_eq!(parse(text), Some(address.parse().unwrap()), "{text:?}");
        }
    }

    #[test]
    fn other_text_is_not_an_address() {
        for text in [
            "",
            "unknown",
            "client.example",
            " 192.0.2.7",
            "192.0.2.7 ",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.07",
            "192.0.2.7,198.51.100.1",
            "192.0.2.7, 198.51.100.1",
            "192.0.2.7:",
            "192.0.2.7:65536",
            "192.0.2.7:+80",
            "192.0.2.7%eth0",
            "192.0.2.7/32",
            "[192.0.2.7",
            "192.0.2.7]",
            "[2001:db8::1]51234",
            "[2001:db8::1]:",
            "[2001:db8::1%]",
            "2001:db8::1%",
            "[[2001:db8::1]]",
            "[]",
            ":443",
            "\u{0661}92.0.2.7",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_survives_every_spelling(address: IpAddr, port: u16) {
            for text in [
                address.to_string(),
                format!("[{address}]"),
                format!("[{address}]:{port}"),
                std::net::SocketAddr::new(address, port).to_string(),
            ] {
                prop_assert_eq!(parse(&text), Some(address), "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]:%.0-9a-f]*|.*") {
            parse(&text);
        }
    }
}
