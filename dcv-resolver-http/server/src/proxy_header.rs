//! [`read_proxy_header`]: the client's address, as a load balancer sends it
//! before anything else.

use std::error::Error;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::failure::Failure;
use crate::first_bytes::{PROXY_V1, PROXY_V2};

/// The shortest header, `PROXY UNKNOWN` and a line end: so many bytes can be
/// read without reading what follows the header.
const MIN_BYTES: usize = 15;
/// The longest first line of version 1 (specification, section 2.1).
const MAX_V1_BYTES: usize = 107;
/// Signature, version, family and length of version 2 (section 2.2).
const V2_START_BYTES: usize = 16;
/// What follows them: addresses, and fields of a load balancer such as the
/// subject of a certificate. The format allows 64 KiB.
const MAX_V2_BYTES: usize = 4 * 1024;

/// Why there is no address.
#[derive(Debug)]
pub(crate) enum NoProxyHeader {
    /// The peer disconnected without sending anything: a health check.
    Closed,
    /// The peer sent something else, or not all of it.
    Failed(Failure, Option<Box<dyn Error + Send + Sync>>),
}

/// Reads a PROXY protocol header of version 1 or 2, and no byte after it.
/// Returns the client's address, or `None` if the load balancer speaks for
/// itself (`LOCAL`, as in health checks) or the client has no IP address
/// (`UNKNOWN`, a Unix socket).
///
/// It may wait for as long as the peer likes.
pub(crate) async fn read_proxy_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, NoProxyHeader> {
    let mut header = Vec::with_capacity(MAX_V1_BYTES);
    fill(stream, &mut header, MIN_BYTES).await?;
    if header.starts_with(PROXY_V2) {
        fill(stream, &mut header, V2_START_BYTES).await?;
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > MAX_V2_BYTES {
            return Err(invalid("it is too long"));
        }
        fill(stream, &mut header, V2_START_BYTES + length).await?;
    } else if header.starts_with(PROXY_V1) {
        while !header.ends_with(b"\r\n") {
            if header.len() == MAX_V1_BYTES {
                return Err(invalid("its first line does not end"));
            }
            // One byte at a time, so as not to read what follows.
            let next = header.len() + 1;
            fill(stream, &mut header, next).await?;
        }
    } else {
        return Err(NoProxyHeader::Failed(Failure::ProxyHeaderMissing, None));
    }
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    let (parsed, length) = ProxyHeader::parse(&header, config).map_err(invalid)?;
    if length != header.len() {
        return Err(invalid("its length is wrong"));
    }
    Ok(parsed.proxied_address().map(|address| address.source))
}

/// Reads until `header` has `length` bytes.
async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    header: &mut Vec<u8>,
    length: usize,
) -> Result<(), NoProxyHeader> {
    let missing = length - header.len();
    let mut limited = stream.take(missing as u64);
    while header.len() < length {
        match limited.read_buf(header).await {
            Ok(0) if header.is_empty() => return Err(NoProxyHeader::Closed),
            Ok(0) => return Err(invalid("the peer disconnected in the middle of it")),
            Ok(_) => {}
            Err(error) => {
                let failure = Failure::IncompleteRequest;
                return Err(NoProxyHeader::Failed(failure, Some(error.into())));
            }
        }
    }
    Ok(())
}

fn invalid(error: impl Into<Box<dyn Error + Send + Sync>>) -> NoProxyHeader {
    NoProxyHeader::Failed(Failure::ProxyHeaderInvalid, Some(error.into()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    /// Returns the address, or the cause of the failure, and what is left in
    /// the stream.
    async fn read(
        sent: &[u8],
        piece_bytes: usize,
    ) -> (Result<Option<String>, &'static str>, Vec<u8>) {
        let (mut client, mut server) = duplex(64 * 1024);
        let pieces: Vec<_> = sent.chunks(piece_bytes).map(<[u8]>::to_vec).collect();
        let sending = async move {
            for piece in pieces {
                client.write_all(&piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let reading = async {
            let read = read_proxy_header(&mut server).await;
            let mut rest = Vec::new();
            server.read_to_end(&mut rest).await.unwrap();
            (read, rest)
        };
        let ((), (read, rest)) = tokio::join!(sending, reading);
        let read = match read {
            Ok(address) => Ok(address.map(|address| address.to_string())),
            Err(NoProxyHeader::Closed) => Err("closed"),
            Err(NoProxyHeader::Failed(failure, _)) => Err(failure.cause()),
        };
        (read, rest)
    }

    fn v2(command: u8, family: u8, length: usize, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(length).unwrap().to_be_bytes();
        [PROXY_V2, &[command, family], &length, rest].concat()
    }

    #[tokio::test]
    async fn address_is_read_and_not_a_byte_more() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 9, 0x1f, 0x90, 0x01, 0xbb];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 7;
        v6[33] = 80;
        let fields = [&v4[..], &[0x04, 0, 200], &[b'x'; 200]].concat();
        for (header, expected) in [
            (
                b"PROXY TCP4 192.0.2.7 198.51.100.9 8080 443\r\n".to_vec(),
                Some("192.0.2.7:8080"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 2001:db8::9 80 443\r\n".to_vec(),
                Some("[2001:db8::7]:80"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(), None),
            (v2(0x21, 0x11, v4.len(), &v4), Some("192.0.2.7:8080")),
            (
                v2(0x21, 0x11, fields.len(), &fields),
                Some("192.0.2.7:8080"),
            ),
            (v2(0x21, 0x21, v6.len(), &v6), Some("[2001:db8::7]:80")),
            // LOCAL, with and without an address; no family; a Unix socket.
            (v2(0x20, 0x00, 0, &[]), None),
            (v2(0x20, 0x11, v4.len(), &v4), None),
            (v2(0x21, 0x00, 0, &[]), None),
            (v2(0x21, 0x31, 216, &[b'/'; 216]), None),
        ] {
            for piece_bytes in [1, 3, 1024] {
                let sent = [&header[..], b"POST / HTTP/1.1\r\n"].concat();
                let (read, rest) = read(&sent, piece_bytes).await;
                assert_eq!(read, Ok(expected.map(str::to_owned)), "{header:?}");
                assert_eq!(rest, b"POST / HTTP/1.1\r\n", "{header:?}");
            }
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused_after_a_bounded_number_of_bytes() {
        const INVALID: &str = "proxy_header_invalid";
        const MISSING: &str = "proxy_header_missing";
        let v4 = [192, 0, 2, 7, 198, 51, 100, 9, 0x1f, 0x90, 0x01, 0xbb];
        let endless = [b"PROXY TCP4 ", &[b'1'; 10_000][..]].concat();
        for (sent, expected) in [
            (b"".to_vec(), "closed"),
            (
                b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n".to_vec(),
                MISSING,
            ),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00".to_vec(),
                MISSING,
            ),
            (
                b"PROXY TCP4 192.0.2.7 198.51.100.9 8080 443".to_vec(),
                INVALID,
            ),
            (
                b"PROXY TCP4 192.0.2.7 198.51.100.9 8080 443\n".to_vec(),
                INVALID,
            ),
            (
                b"PROXY TCP4 192.0.2.7 198.51.100.9 99999 443\r\n".to_vec(),
                INVALID,
            ),
            (
                b"PROXY TCP4 2001:db8::7 2001:db8::9 80 443\r\n".to_vec(),
                INVALID,
            ),
            (
                b"PROXY TCP5 192.0.2.7 198.51.100.9 8080 443\r\n".to_vec(),
                INVALID,
            ),
            (b"PROXY TCP4 192.0.2.7\r\n".to_vec(), INVALID),
            (b"PROXY UNK".to_vec(), INVALID),
            (endless, INVALID),
            // Shorter than its addresses, longer than what follows, too long.
            (v2(0x21, 0x11, 4, &v4), INVALID),
            (v2(0x21, 0x11, 100, &v4), INVALID),
            (
                v2(0x21, 0x11, MAX_V2_BYTES + 1, &[0; MAX_V2_BYTES + 1]),
                INVALID,
            ),
            // Another version, command, family.
            (v2(0x31, 0x11, v4.len(), &v4), INVALID),
            (v2(0x22, 0x11, v4.len(), &v4), INVALID),
            (v2(0x21, 0x41, v4.len(), &v4), INVALID),
            (v2(0x21, 0x31, v4.len(), &v4), INVALID),
        ] {
            for piece_bytes in [1, 1024] {
                let (read, rest) = read(&sent, piece_bytes).await;
                assert_eq!(read, Err(expected), "{sent:?}");
                let most = V2_START_BYTES + MAX_V2_BYTES;
                assert!(sent.len() - rest.len() <= most, "{sent:?}");
            }
        }
    }
}
