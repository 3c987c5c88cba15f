//! Names each request, so that a gateway's log and the resolver's can be laid
//! side by side.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_BYTES: usize = 128;

/// Where request ids come from: the caller, or a random number for each router
/// and a count within it.
#[derive(Debug)]
pub(crate) struct RequestIds {
    router: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self {
            // The only randomness that the standard library hands out. It
            // keeps restarts and replicas apart; nothing secret rests on it.
            router: RandomState::new().hash_one("request id"),
            next: AtomicU64::new(0),
        }
    }

    /// The caller's id if it has 1 to 128 visible ASCII characters, so that it
    /// can be sent back and logged as it is; otherwise a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        headers
            .get(X_REQUEST_ID)
            .filter(|id| is_acceptable(id.as_bytes()))
            .cloned()
            .unwrap_or_else(|| self.mint())
    }

    #[expect(
        clippy::expect_used,
        reason = "hexadecimal digits can stand in a header"
    )]
    fn mint(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let number = u128::from(self.router) << 64 | u128::from(number);
        HeaderValue::from_bytes(&hexadecimal(number))
            .expect("hexadecimal digits can stand in a header")
    }
}

/// The digits of `number`. `format!` takes ten times as long, for each request.
fn hexadecimal(number: u128) -> [u8; 32] {
    let mut left = number;
    let mut digits = [0; 32];
    for digit in digits.iter_mut().rev() {
        let value = (left & 0xf) as u8;
        *digit = value + if value < 10 { b'0' } else { b'a' - 10 };
        left >>= 4;
    }
    digits
}

fn is_acceptable(id: &[u8]) -> bool {
    (1..=MAX_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> HeaderValue {
        let value = HeaderValue::from_bytes(value).unwrap();
        RequestIds::new().of(&HeaderMap::from_iter([(X_REQUEST_ID, value)]))
    }

    #[test]
    fn a_visible_id_is_kept() {
        let longest = [b'~'; 128];
        for id in [&b"a"[..], b"!\"#-7f/gw.example;x=1", &longest] {
            assert_eq!(of(id).as_bytes(), id);
        }
    }

    #[test]
    fn any_other_is_replaced() {
        for id in [
            &b""[..],
            b"a b",
            b"a\tb",
            b"\xff",
            "é".as_bytes(),
            &[b'a'; 129],
        ] {
            let minted = of(id);
            assert_ne!(minted.as_bytes(), id);
            assert_eq!(minted.len(), 32);
        }
    }

    #[test]
    fn digits_are_those_that_format_writes() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, 10_u128 << 64 | 15, u128::MAX] {
            assert_eq!(hexadecimal(number), format!("{number:032x}").as_bytes());
        }
    }

    #[test]
    fn minted_ids_differ_within_and_between_routers() {
        let ids = [RequestIds::new(), RequestIds::new()];
        let minted: std::collections::BTreeSet<_> = ids
            .iter()
            .flat_map(|ids| (0..100).map(|_| ids.mint().to_str().unwrap().to_owned()))
            .collect();
        assert_eq!(minted.len(), 200);
    }
}
