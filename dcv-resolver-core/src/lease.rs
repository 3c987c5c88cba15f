//! [`LeaseToken`]: proof of who registered a record.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Proof of the right to renew or remove a record.
///
/// The owner of a session creates it from random bytes and keeps it. Stores
/// keep and compare only its [digest](Self::digest), so a copy of their data
/// grants no lease. The token fences off a former owner whose record expired
/// and was then registered again by another owner: the old token no longer
/// matches.
///
/// It is a secret: `Debug` does not show it, comparisons take constant time,
/// and only [`expose_hex`](Self::expose_hex) turns it into text.
///
/// ```
/// use dcv_resolver_core::LeaseToken;
///
/// let token: LeaseToken = "000102030405060708090a0b0c0d0e0f".parse()?;
/// assert_eq!(token.as_bytes()[15], 15);
/// assert_eq!(format!("{token:?}"), "LeaseToken(..)");
/// # Ok::<(), dcv_resolver_core::InvalidLeaseToken>(())
/// ```
#[derive(Clone, Copy)]
pub struct LeaseToken([u8; Self::BYTES]);

/// An error that occurs when a string is not a valid [`LeaseToken`]. The
/// message does not quote the string, which may be a mistyped secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a lease token is 32 hexadecimal digits")]
#[non_exhaustive]
pub struct InvalidLeaseToken;

impl LeaseToken {
    /// The length of a token, in bytes.
    pub const BYTES: usize = 16;

    /// Creates a token from 16 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The length of a digest, in bytes.
    pub const DIGEST_BYTES: usize = 32;

    /// Returns the SHA-256 of the token's 32 lower-case hexadecimal digits, for
    /// a store to keep and compare.
    ///
    /// Reading a store or its backup lets no one renew or remove a session. A
    /// token has 128 random bits, so neither a salt nor a slow hash function is
    /// needed. The digits are hashed rather than the bytes, so that `sha256sum`
    /// can show which stored digest is that of a token.
    #[must_use]
    pub fn digest(&self) -> [u8; Self::DIGEST_BYTES] {
        Sha256::digest(self.expose_hex()).into()
    }

    /// Returns the token's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Returns the token as 32 lower-case hexadecimal digits, for its owner.
    #[must_use]
    pub fn expose_hex(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

impl PartialEq for LeaseToken {
    fn eq(&self, other: &Self) -> bool {
        let differing_bits = self
            .0
            .iter()
            .zip(&other.0)
            .fold(0, |bits, (ours, theirs)| bits | (ours ^ theirs));
        differing_bits == 0
    }
}

impl Eq for LeaseToken {}

impl FromStr for LeaseToken {
    type Err = InvalidLeaseToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` alone would accept a sign, or fewer digits.
        let is_token =
            text.len() == 2 * Self::BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_token
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .ok_or(InvalidLeaseToken)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_survives_hex_and_back() {
        for byte in [0, 0x0a, 0xa5] {
            let token = LeaseToken::from_bytes([byte; 16]);
            assert_eq!(token.expose_hex(), format!("{byte:02x}").repeat(16));
            assert_eq!(token.expose_hex().parse(), Ok(token));
        }
    }

    #[test]
    fn digest_is_that_of_the_text() {
        // printf 000102030405060708090a0b0c0d0e0f | sha256sum
        let token: LeaseToken = "000102030405060708090A0B0C0D0E0F".parse().unwrap();
        let digest = token.digest().map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(
            digest,
            "d65df89f702eec58ca3c7bf2001c9ffc7cd80553ae01d42a799ba26756142d96"
        );
    }

    #[test]
    fn text_other_than_32_hex_digits_is_rejected() {
        for text in [
            "",
            "a5",
            &"a5".repeat(17),
            &"g5".repeat(16),
            &format!("+{}", "a".repeat(31)),
        ] {
            assert_eq!(
                text.parse::<LeaseToken>(),
                Err(InvalidLeaseToken),
                "{text:?}"
            );
        }
    }

    #[test]
    fn tokens_that_differ_in_one_bit_are_not_equal() {
        let token = LeaseToken::from_bytes([7; 16]);
        for byte in 0..LeaseToken::BYTES {
            let mut bytes = [7; 16];
            bytes[byte] ^= 1;
            assert_ne!(token, LeaseToken::from_bytes(bytes));
            // Equal differences do not cancel each other.
            bytes[(byte + 1) % LeaseToken::BYTES] ^= 1;
            assert_ne!(token, LeaseToken::from_bytes(bytes));
        }
    }
}
