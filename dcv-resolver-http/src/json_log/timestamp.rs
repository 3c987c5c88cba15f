//! [`Timestamps`]: when a line was written.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Writes the time as RFC 3339 in UTC, with microseconds.
///
/// Keeps the last second as it was written: most lines are of the same.
#[derive(Debug, Default)]
pub(crate) struct Timestamps {
    second: u64,
    /// `2030-01-01T00:00:00`; empty before the first line.
    shown: String,
}

impl Timestamps {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing is decided by the time in a log"
    )]
    pub(crate) fn push_now(&mut self, line: &mut String) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock that is years behind shows as 1970.
        self.push(line, now.unwrap_or_default());
    }

    fn push(&mut self, line: &mut String, since_1970: Duration) {
        if self.second != since_1970.as_secs() || self.shown.is_empty() {
            self.show(since_1970.as_secs());
        }
        line.push_str(&self.shown);
        line.push('.');
        // With a digit in front, so that zeros are not left out.
        let micros = 1_000_000 + since_1970.subsec_micros();
        line.push_str(&itoa::Buffer::new().format(micros)[1..]);
        line.push('Z');
    }

    fn show(&mut self, second: u64) {
        let time = i64::try_from(second).map(Timestamp::from_second);
        // Beyond the year 9999 there is no RFC 3339.
        let time = time.map_or(Timestamp::MAX, |time| time.unwrap_or(Timestamp::MAX));
        self.second = second;
        self.shown = format!("{time:.0}");
        // The Z comes behind the microseconds.
        self.shown.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(timestamps: &mut Timestamps, since_1970: Duration) -> String {
        let mut line = String::new();
        timestamps.push(&mut line, since_1970);
        line
    }

    #[test]
    fn a_clock_that_goes_on_stands_still_or_goes_back_is_shown_as_it_is() {
        let mut timestamps = Timestamps::default();
        for (since_1970_us, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_893_456_000_000_000, "2030-01-01T00:00:00.000000Z"),
            (1_893_456_000_000_001, "2030-01-01T00:00:00.000001Z"),
            (1_893_456_000_999_999, "2030-01-01T00:00:00.999999Z"),
            (1_893_456_001_100_000, "2030-01-01T00:00:01.100000Z"),
            (1_893_455_999_000_010, "2029-12-31T23:59:59.000010Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
        ] {
            let since_1970 = Duration::from_micros(since_1970_us);
            assert_eq!(shown(&mut timestamps, since_1970), expected);
        }
    }

    #[test]
    fn a_clock_beyond_all_years_is_shown_as_the_last() {
        let mut timestamps = Timestamps::default();
        for since_1970 in [Duration::from_secs(1 << 40), Duration::MAX] {
            let shown = shown(&mut timestamps, since_1970);
            assert!(shown.starts_with("9999-12-30T22:00:00."), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn any_time_is_shown_as_jiff_shows_it(nanoseconds: [u64; 3]) {
            let mut timestamps = Timestamps::default();
            for nanoseconds in nanoseconds {
                let since_1970 = Duration::from_nanos(nanoseconds);
                let time = Timestamp::from_nanosecond(nanoseconds.into()).unwrap();
                prop_assert_eq!(shown(&mut timestamps, since_1970), format!("{time:.6}"));
            }
        }
    }
}
