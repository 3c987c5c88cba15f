//! [`Timestamp`]: a point in time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Serializes as an integer. Displays as RFC 3339, and parses RFC 3339 with any
/// offset and the wider ISO 8601 forms that [jiff](jiff::Timestamp) accepts.
///
/// ```
/// use dcv_resolver_core::Timestamp;
///
/// let time: Timestamp = "2026-01-02T03:04:05Z".parse()?;
/// assert_eq!(time.as_unix_ms(), 1_767_323_045_000);
/// assert_eq!(time.to_string(), "2026-01-02T03:04:05Z");
/// # Ok::<(), dcv_resolver_core::InvalidTimestamp>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// An error that occurs when a string is not an RFC 3339 date and time.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not an RFC 3339 date and time, such as 2026-01-02T03:04:05Z")]
pub struct InvalidTimestamp(#[source] jiff::Error);

/// An error that occurs when a number is too small for a time in milliseconds,
/// and is probably in seconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a time before 2001 ({}); expected milliseconds since 1970-01-01T00:00:00Z, not seconds", Timestamp(*unix_ms)
)]
#[non_exhaustive]
pub struct ImplausibleTimestamp {
    /// The number.
    pub unix_ms: i64,
}

impl Timestamp {
    /// Returns the time `unix_ms` milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Returns the time `unix_ms` milliseconds after 1970-01-01T00:00:00Z, if it
    /// is in 2001 or later.
    ///
    /// Use it for numbers that people write. A common mistake is to write
    /// seconds instead of milliseconds, which gives a time in the first weeks
    /// of 1970.
    ///
    /// # Errors
    ///
    /// [`ImplausibleTimestamp`], when the time is before 2001.
    pub const fn from_plausible_unix_ms(unix_ms: i64) -> Result<Self, ImplausibleTimestamp> {
        if unix_ms < Self::MIN_PLAUSIBLE_UNIX_MS {
            return Err(ImplausibleTimestamp { unix_ms });
        }
        Ok(Self(unix_ms))
    }

    /// The least number of milliseconds that
    /// [`from_plausible_unix_ms`](Self::from_plausible_unix_ms) accepts:
    /// 2001-01-01T00:00:00Z.
    pub const MIN_PLAUSIBLE_UNIX_MS: i64 = 978_307_200_000;

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_unix_ms(self) -> i64 {
        self.0
    }

    /// Returns the time `duration` later, or the last representable one.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let duration_ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(duration_ms))
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_millisecond()))
            .map_err(InvalidTimestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => fmt::Display::fmt(&time, f),
            // RFC 3339 ends with the year 9999.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_in_the_place_of_milliseconds_are_refused() {
        let year_2001: Timestamp = "2001-01-01T00:00:00Z".parse().unwrap();
        let least = Timestamp::from_plausible_unix_ms(Timestamp::MIN_PLAUSIBLE_UNIX_MS);
        assert_eq!(least, Ok(year_2001));
        for unix_ms in [
            Timestamp::MIN_PLAUSIBLE_UNIX_MS - 1,
            1_893_553_445,
            0,
            i64::MIN,
        ] {
            let refused = Timestamp::from_plausible_unix_ms(unix_ms);
            assert_eq!(refused, Err(ImplausibleTimestamp { unix_ms }));
        }
        assert_eq!(
            ImplausibleTimestamp {
                unix_ms: 1_893_553_445
            }
            .to_string(),
            "a time before 2001 (1970-01-22T21:59:13.445Z); expected \
             milliseconds since 1970-01-01T00:00:00Z, not seconds"
        );
    }

    #[test]
    fn saturating_add_stops_at_the_bounds() {
        let late = Timestamp::from_unix_ms(i64::MAX - 1);
        assert_eq!(late.saturating_add(Duration::MAX).as_unix_ms(), i64::MAX);
    }

    #[test]
    fn offsets_and_fractions_are_parsed() {
        let utc: Timestamp = "2026-01-02T03:04:05.25Z".parse().unwrap();
        assert_eq!(
            "2026-01-02T05:04:05.250+02:00"
                .parse::<Timestamp>()
                .unwrap(),
            utc
        );
        assert_eq!(utc.to_string(), "2026-01-02T03:04:05.25Z");
        for text in ["", "2026-01-02", "2026-01-02T03:04:05", "1767323045000"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn timestamp_without_an_rfc_3339_form_is_displayed() {
        assert_eq!(
            Timestamp::from_unix_ms(i64::MAX).to_string(),
            "9223372036854775807 ms"
        );
    }
}
