//! Strict percent-decoding.
//!
//! The usual crates for this accept a stray `%` and replace invalid UTF-8, so
//! that two different strings can decode to the same id: a user could reach
//! another user's session.

use std::borrow::Cow;

use memchr::memchr2;

/// An error that occurs when a string cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A `%` is not followed by two hexadecimal digits.
    #[error("not percent-encoded correctly: two hexadecimal digits must follow each %")]
    Percent,
    /// The decoded bytes are not UTF-8.
    #[error("not valid UTF-8 after percent-decoding")]
    Utf8,
}

/// Decodes a name or a value of a query string once. A `+` is a space.
///
/// # Errors
///
/// [`DecodeError`], when the string is not percent-encoded UTF-8.
pub fn decode_query(raw: &str) -> Result<Cow<'_, str>, DecodeError> {
    decode(raw, b' ')
}

/// Decodes a segment of a path once. A `+` is itself.
///
/// # Errors
///
/// [`DecodeError`], when the string is not percent-encoded UTF-8.
pub fn decode_path(raw: &str) -> Result<Cow<'_, str>, DecodeError> {
    decode(raw, b'+')
}

fn decode(raw: &str, plus: u8) -> Result<Cow<'_, str>, DecodeError> {
    if memchr2(b'%', b'+', raw.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => plus,
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(DecodeError::Percent),
            },
            byte => byte,
        });
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| DecodeError::Utf8)
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
    fn plus_is_a_space_in_a_query_and_itself_in_a_path() {
        assert_eq!(decode_query("a+b%2B").unwrap(), "a b+");
        assert_eq!(decode_path("a+b%2B").unwrap(), "a+b+");
    }

    #[test]
    fn nothing_is_decoded_twice_or_guessed() {
        assert_eq!(decode_path("%252F%2f").unwrap(), "%2F/");
        for raw in ["%", "a%2", "%+1", "%zz", "%2 f"] {
            assert_eq!(decode_path(raw), Err(DecodeError::Percent), "{raw}");
        }
        assert_eq!(decode_path("%ff"), Err(DecodeError::Utf8));
        assert_eq!(decode_path("%c0%af"), Err(DecodeError::Utf8));
    }
}
