//! [`Within`]: a whole number within bounds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A whole number from `MIN` to `MAX`, in the schema, in a flag and in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub(crate) struct Within<const MIN: u64, const MAX: u64>(u64);

/// The time budget of an answer, in milliseconds.
pub(crate) type TimeBudget = Within<1, 60_000>;
/// A duration of the process itself, in milliseconds.
pub(crate) type Period = Within<0, 600_000>;

/// The number is out of bounds, or the text is not a number.
#[derive(Debug)]
pub(crate) struct OutOfBounds {
    min: u64,
    max: u64,
}

impl<const MIN: u64, const MAX: u64> Within<MIN, MAX> {
    /// Creates a default, whose bounds the compiler checks.
    pub(crate) const fn of<const N: u64>() -> Self {
        const { assert!(MIN <= N && N <= MAX) }
        Self(N)
    }

    pub(crate) fn milliseconds(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Returns the number of bytes.
    pub(crate) fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Returns the number as a count.
    pub(crate) fn count(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<u64> for Within<MIN, MAX> {
    type Error = OutOfBounds;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        if (MIN..=MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(OutOfBounds { min: MIN, max: MAX })
        }
    }
}

impl<const MIN: u64, const MAX: u64> From<Within<MIN, MAX>> for u64 {
    fn from(number: Within<MIN, MAX>) -> Self {
        number.0
    }
}

impl<const MIN: u64, const MAX: u64> FromStr for Within<MIN, MAX> {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map_err(|_| OutOfBounds { min: MIN, max: MAX })
            .and_then(|number: u64| number.try_into())
    }
}

impl<const MIN: u64, const MAX: u64> fmt::Display for Within<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Within<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Within_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min, max } = self;
        write!(f, "expected a whole number from {min} to {max}")
    }
}

impl std::error::Error for OutOfBounds {}
