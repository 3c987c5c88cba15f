//! Percent-decoding, strictly.

use std::borrow::Cow;

/// What a `+` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plus {
    /// A space, as in a query string.
    Space,
    /// Itself, as in a path.
    #[cfg_attr(
        not(any(test, feature = "admin")),
        expect(dead_code, reason = "paths are read there")
    )]
    Itself,
}

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undecodable {
    /// A `%` is not followed by two hexadecimal digits.
    Percent,
    /// The decoded bytes are not UTF-8.
    Utf8,
}

/// Whether anything in `raw` may stand for something else.
pub(crate) fn is_encoded(raw: &str) -> bool {
    memchr::memchr2(b'%', b'+', raw.as_bytes()).is_some()
}

/// Decodes `raw` once.
///
/// The usual crates for this let a stray `%` pass and replace what is not
/// UTF-8, so that two different strings decode to one.
pub(crate) fn decode(raw: &str, plus: Plus) -> Result<Cow<'_, str>, Undecodable> {
    let plus = match plus {
        Plus::Space => b' ',
        Plus::Itself => b'+',
    };
    if !is_encoded(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => plus,
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Undecodable::Percent),
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| Undecodable::Utf8)
}

fn digit(byte: Option<u8>) -> Option<u8> {
    match byte? {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        digit @ b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_a_query_only() {
        assert_eq!(decode("a+b%2B", Plus::Space).unwrap(), "a b+");
        assert_eq!(decode("a+b%2B", Plus::Itself).unwrap(), "a+b+");
    }

    #[test]
    fn nothing_is_decoded_twice_or_guessed() {
        assert_eq!(decode("%252F%2f", Plus::Itself).unwrap(), "%2F/");
        for raw in ["%", "a%2", "%+1", "%zz", "%2 f"] {
            assert_eq!(
                decode(raw, Plus::Itself),
                Err(Undecodable::Percent),
                "{raw}"
            );
        }
        assert_eq!(decode("%ff", Plus::Itself), Err(Undecodable::Utf8));
        assert_eq!(decode("%c0%af", Plus::Itself), Err(Undecodable::Utf8));
    }
}
