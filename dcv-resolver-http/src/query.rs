//! [`ResolveQuery`]: reads the query string of a resolve request, strictly.

use std::borrow::Cow;

use dcv_resolver_core::{InvalidSessionId, ResolveRequest, SessionId, Transport};
use memchr::memchr;

use crate::client_ip;
use crate::percent::{DecodeError, decode_query};
use dcv_resolver_core::escape::escaped;

/// The maximum length of a URI, path and query together: 8 KiB. The longest id
/// takes 768 bytes of it if every byte is percent-encoded.
pub const MAX_URI_BYTES: usize = 8 * 1024;

/// A resolve request, parsed from the query string.
///
/// The string is `application/x-www-form-urlencoded`: pairs between `&`, a
/// `+` is a space, `%` and two hexadecimal digits are a byte. Names are
/// compared after decoding, byte for byte.
///
/// | parameter | |
/// |---|---|
/// | `sessionId` | required; a [`SessionId`] |
/// | `transport` | `HTTP` or `QUIC`; `HTTP` if it is omitted, but not if it is empty |
/// | `clientIpAddress` | an address, optionally in brackets, with a zone id or with a port; anything else counts as unknown, even if it cannot be decoded |
/// | any other | ignored, but must be decodable |
///
/// Nothing is guessed or repaired, since two readings of one string could send
/// a user to another user's desktop. The pairs are read from left to right, and
/// the error is about the first mistake. Within a pair, the checks are made in
/// this order: the name's encoding, the value's encoding, a parameter given
/// twice, the value. A missing `sessionId` is reported last.
///
/// ```
/// use dcv_resolver_core::Transport;
/// use dcv_resolver_http::ResolveQuery;
///
/// let query = ResolveQuery::parse(Some("sessionId=a+b%2Fc&transport=QUIC&clientIpAddress=%5B2001%3Adb8%3A%3A1%5D"))?;
/// let request = query.request();
/// assert_eq!(request.session_id().as_str(), "a b/c");
/// assert_eq!(request.transport(), Transport::Quic);
/// assert_eq!(request.client_ip(), Some("2001:db8::1".parse()?));
///
/// let error = ResolveQuery::parse(Some("sessionId=console&transport=http")).unwrap_err();
/// assert_eq!(error.parameter(), "transport");
/// assert_eq!(
///     error.to_string(),
///     r#"transport must be HTTP or QUIC in capitals, or left out for HTTP; it is "http""#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveQuery<'a> {
    request: ResolveRequest,
    invalid_client_ip: Option<Cow<'a, str>>,
}

const SESSION_ID: &str = "sessionId";
const TRANSPORT: &str = "transport";
const CLIENT_IP_ADDRESS: &str = "clientIpAddress";

impl<'a> ResolveQuery<'a> {
    /// Reads a query string, without its `?`. `None` is treated like an empty
    /// string.
    ///
    /// Only the id is allocated if the string needs no decoding.
    ///
    /// # Errors
    ///
    /// [`InvalidQuery`], when the string breaks one of the rules above.
    pub fn parse(raw: Option<&'a str>) -> Result<Self, InvalidQuery> {
        let mut session_id = None;
        let mut transport = None;
        let mut client_ip = None;
        let mut rest = Some(raw.unwrap_or_default());
        while let Some(pairs) = rest {
            let (pair, after) = split(pairs, b'&');
            rest = after;
            let (raw_name, raw_value) = split(pair, b'=');
            let raw_value = raw_value.unwrap_or_default();
            let name = decode_query(raw_name).map_err(|error| error.of(raw_name))?;
            let value = decode_query(raw_value);
            if name == CLIENT_IP_ADDRESS {
                first_time(CLIENT_IP_ADDRESS, client_ip.is_none())?;
                // A raw `fe80::1%eth0` is not read as an address, since
                // `fe80::1%41` would then have two readings.
                client_ip = Some(match value {
                    Ok(value) => client_ip::parse(&value).ok_or(value),
                    Err(_) => Err(Cow::Borrowed(raw_value)),
                });
                continue;
            }
            let value = value.map_err(|error| error.of(&name))?;
            match &*name {
                SESSION_ID => {
                    first_time(SESSION_ID, session_id.is_none())?;
                    session_id = Some(SessionId::new(value).map_err(InvalidQuery::SessionId)?);
                }
                TRANSPORT => {
                    first_time(TRANSPORT, transport.is_none())?;
                    transport = Some(read_transport(&value)?);
                }
                _ => {}
            }
        }

        let session_id = session_id.ok_or(InvalidQuery::NoSessionId)?;
        let request = ResolveRequest::new(session_id, transport.unwrap_or(Transport::Http));
        Ok(match client_ip {
            None => Self {
                request,
                invalid_client_ip: None,
            },
            Some(Ok(address)) => Self {
                request: request.with_client_ip(address),
                invalid_client_ip: None,
            },
            Some(Err(text)) => Self {
                request,
                invalid_client_ip: Some(text),
            },
        })
    }

    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> &ResolveRequest {
        &self.request
    }

    /// Returns the value of `clientIpAddress` if it is not an address,
    /// percent-decoded if possible. It is the client's text, unescaped.
    #[must_use]
    pub fn invalid_client_ip(&self) -> Option<&str> {
        self.invalid_client_ip.as_deref()
    }

    pub(crate) fn into_parts(self) -> (ResolveRequest, Option<String>) {
        (self.request, self.invalid_client_ip.map(Cow::into_owned))
    }
}

/// The reason why a query string is not a resolve request.
///
/// Displays as one sentence that names the parameter and what was expected. The
/// sentence may quote the query string, escaped and truncated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidQuery {
    /// There is no `sessionId`.
    #[error("sessionId is missing; it names the session to resolve")]
    NoSessionId,
    /// `sessionId` is not a valid session id.
    #[error("sessionId is not valid: {0}")]
    SessionId(InvalidSessionId),
    /// `transport` is neither `HTTP` nor `QUIC`.
    #[error(
        "transport must be HTTP or QUIC in capitals, or left out for HTTP; it is \"{}\"",
        quoted(.given)
    )]
    Transport {
        /// The decoded value.
        given: String,
    },
    /// A parameter is given more than once, even if the values are equal.
    #[error("{parameter} is given more than once; it must be given once")]
    Repeated {
        /// The parameter.
        parameter: &'static str,
    },
    /// A `%` is not followed by two hexadecimal digits.
    #[error(
        "the parameter \"{}\" is not percent-encoded correctly: two hexadecimal digits must follow each %",
        quoted(.parameter)
    )]
    PercentEncoding {
        /// The parameter whose name or value it is: decoded, or as written in
        /// the query string if it cannot be decoded.
        parameter: String,
    },
    /// The decoded bytes are not UTF-8.
    #[error(
        "the parameter \"{}\" is not valid UTF-8 after percent-decoding",
        quoted(.parameter)
    )]
    Utf8 {
        /// The parameter, as in [`PercentEncoding`](Self::PercentEncoding).
        parameter: String,
    },
}

impl InvalidQuery {
    /// Returns the parameter at fault. The name of an unknown parameter is the
    /// client's text, unescaped.
    #[must_use]
    pub fn parameter(&self) -> &str {
        match self {
            Self::NoSessionId | Self::SessionId(_) => SESSION_ID,
            Self::Transport { .. } => TRANSPORT,
            Self::Repeated { parameter } => parameter,
            Self::PercentEncoding { parameter } | Self::Utf8 { parameter } => parameter,
        }
    }
}

/// How much of the client's own text an error quotes.
pub(crate) const MAX_QUOTED_BYTES: usize = 64;

fn quoted(text: &str) -> Cow<'_, str> {
    escaped(text, MAX_QUOTED_BYTES)
}

/// Returns the part before the first `separator`, which must be ASCII, and the
/// part after it.
///
/// With `str::split` and without memchr, a query would take three times as many
/// instructions, and a whole request 6 % more.
fn split(text: &str, separator: u8) -> (&str, Option<&str>) {
    match memchr(separator, text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn first_time(parameter: &'static str, is_first: bool) -> Result<(), InvalidQuery> {
    if is_first {
        Ok(())
    } else {
        Err(InvalidQuery::Repeated { parameter })
    }
}

fn read_transport(text: &str) -> Result<Transport, InvalidQuery> {
    text.parse().map_err(|_| InvalidQuery::Transport {
        given: text.to_owned(),
    })
}

impl DecodeError {
    fn of(self, parameter: &str) -> InvalidQuery {
        let parameter = parameter.to_owned();
        match self {
            Self::Percent => InvalidQuery::PercentEncoding { parameter },
            Self::Utf8 => InvalidQuery::Utf8 { parameter },
        }
    }
}
