//! [`RequestIds`]: an id for each request, by which it can be found in the logs
//! of the gateway and the resolver.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries a request id: `x-request-id`.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_BYTES: usize = 128;

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

    /// Returns the `x-request-id` of the request if it has 1 to 128 visible
    /// ASCII characters, so that it can be sent back and logged as it is.
    /// Otherwise returns a new one.
    pub fn id_for(&self, headers: &HeaderMap) -> HeaderValue {
        headers
            .get(X_REQUEST_ID)
            .filter(|id| is_acceptable(id.as_bytes()))
            .cloned()
            .unwrap_or_else(|| self.generate())
    }

    #[expect(clippy::expect_used, reason = "hexadecimal digits are a header value")]
    fn generate(&self) -> HeaderValue {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = u128::from(self.random) << 64 | u128::from(count);
        // With `format!`, a whole request would take 7 % more instructions.
        let mut digits = [0; 32];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdef"[(id & 0xf) as usize];
            id >>= 4;
        }
        HeaderValue::from_bytes(&digits).expect("hexadecimal digits are a header value")
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns an id from [`RequestIds`] as a string, for a log.
///
/// # Panics
///
/// Panics if the value does not come from [`RequestIds`] and is not ASCII.
#[expect(clippy::expect_used, reason = "request ids are visible ASCII")]
#[must_use]
pub fn request_id_text(request_id: &HeaderValue) -> &str {
    request_id
        .to_str()
        .expect("request ids are visible ASCII characters")
}

fn is_acceptable(id: &[u8]) -> bool {
    (1..=MAX_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> HeaderValue {
        let value = HeaderValue::from_bytes(value).unwrap();
        RequestIds::new().id_for(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
    }

    #[test]
    fn visible_id_is_kept() {
        let longest = [b'~'; 128];
        for id in [&b"a"[..], b"!\"#-7f/gw.example;x=1", &longest] {
            assert_eq!(of(id).as_bytes(), id);
        }
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
            assert_ne!(generated.as_bytes(), id);
            assert_eq!(generated.len(), 32);
        }
    }

    #[test]
    fn new_ids_differ_within_and_between_services() {
        let ids = [RequestIds::new(), RequestIds::new()];
        let generated: std::collections::BTreeSet<_> = ids
            .iter()
            .flat_map(|ids| (0..100).map(|_| ids.generate().to_str().unwrap().to_owned()))
            .collect();
        assert_eq!(generated.len(), 200);
    }
}
