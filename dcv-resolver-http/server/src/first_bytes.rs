//! [`FirstBytes`]: how a client begins, to recognize one that speaks another
//! protocol.

/// What the first bytes of a connection show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// The handshake of a TLS client.
    Tls,
    /// A header of the PROXY protocol, version 1 or 2.
    ProxyHeader,
    /// The preface of HTTP/2.
    Http2,
    /// Anything else, such as a request.
    Other,
}

/// The first line of version 1 (PROXY protocol specification, section 2.1).
pub(crate) const PROXY_V1: &[u8] = b"PROXY ";
/// The signature of version 2 (PROXY protocol specification, section 2.2).
pub(crate) const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The preface of HTTP/2 (RFC 9113, section 3.4), up to its first line end.
const HTTP2: &[u8] = b"PRI * HTTP/2";
/// The content type of a TLS record that holds a part of a handshake (RFC 8446,
/// section 5.1). No HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// The length of the longest of these, in bytes.
const LENGTH: usize = 12;

/// The first bytes of a connection, however the network splits them.
#[derive(Debug, Default)]
pub(crate) struct FirstBytes {
    bytes: [u8; LENGTH],
    length: usize,
}

impl FirstBytes {
    /// Adds what was read next. Returns whether these are all.
    pub(crate) fn add(&mut self, read: &[u8]) -> bool {
        let space = &mut self.bytes[self.length..];
        let count = read.len().min(space.len());
        space[..count].copy_from_slice(&read[..count]);
        self.length += count;
        self.length == LENGTH
    }

    pub(crate) fn greeting(&self) -> Greeting {
        let bytes = &self.bytes[..self.length];
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            Greeting::Tls
        } else if bytes.starts_with(PROXY_V1) || bytes.starts_with(PROXY_V2) {
            Greeting::ProxyHeader
        } else if bytes.starts_with(HTTP2) {
            Greeting::Http2
        } else {
            Greeting::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greeting_is_recognized_however_it_is_split() {
        for (sent, expected) in [
            (
                &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
                Greeting::Tls,
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                Greeting::ProxyHeader,
            ),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", Greeting::ProxyHeader),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Greeting::Http2),
            (b"POST /resolveSession HTTP/1.1\r\n", Greeting::Other),
            (b"PROXYING / HTTP/1.1\r\n", Greeting::Other),
            (b"\r\n\r\nGET / HTTP/1.1\r\n", Greeting::Other),
            (b"", Greeting::Other),
        ] {
            for size in [1, 5, 100] {
                let mut first = FirstBytes::default();
                let mut pieces = sent.chunks(size);
                while pieces.next().is_some_and(|piece| !first.add(piece)) {}
                assert_eq!(first.greeting(), expected, "{sent:?} by {size}");
            }
        }
    }
}
