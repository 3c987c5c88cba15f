//! [`Expiry`]: when a record expires.

use serde::{Deserialize, Serialize};

use crate::timestamp::Timestamp;

/// The time at which a record expires, if it does.
///
/// There is no default: a record states either that it never expires or when it
/// does.
// Exhaustive: every store writes and reads each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// The record is live until it is removed.
    Never,
    /// The record is live before this instant, but not at it.
    At(Timestamp),
}

impl Expiry {
    /// Returns whether `now` is at or past the expiry.
    #[must_use]
    pub fn is_past(self, now: Timestamp) -> bool {
        match self {
            Self::Never => false,
            Self::At(expires_at) => expires_at <= now,
        }
    }
}

/// Serializes as the milliseconds, or as null for never.
impl Serialize for Expiry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Option::<Timestamp>::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Timestamp>::deserialize(deserializer).map(Self::from)
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(expires_at: Option<Timestamp>) -> Self {
        expires_at.map_or(Self::Never, Self::At)
    }
}

impl From<Expiry> for Option<Timestamp> {
    fn from(expiry: Expiry) -> Self {
        match expiry {
            Expiry::Never => None,
            Expiry::At(expires_at) => Some(expires_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_of_expiry_is_past() {
        let at = Timestamp::from_unix_ms(1_000);
        assert!(!Expiry::At(at).is_past(Timestamp::from_unix_ms(999)));
        assert!(Expiry::At(at).is_past(at));
        assert!(!Expiry::Never.is_past(Timestamp::from_unix_ms(i64::MAX)));
    }

    #[test]
    fn expiry_serializes_as_milliseconds_or_null() {
        for (expiry, json) in [
            (Expiry::Never, "null"),
            (Expiry::At(Timestamp::from_unix_ms(7)), "7"),
        ] {
            assert_eq!(serde_json::to_string(&expiry).unwrap(), json);
            assert_eq!(serde_json::from_str::<Expiry>(json).unwrap(), expiry);
        }
    }
}
