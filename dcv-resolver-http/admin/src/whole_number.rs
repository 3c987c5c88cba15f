//! [`WholeNumber`]: a number without a fraction, however it is written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A number without a fraction. For JSON Schema, and for languages with a
/// single number type, 8443.0 is one as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WholeNumber(pub(crate) i128);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WholeNumberVisitor)
    }
}

struct WholeNumberVisitor;

impl Visitor<'_> for WholeNumberVisitor {
    type Value = WholeNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<WholeNumber, E> {
        Ok(WholeNumber(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<WholeNumber, E> {
        Ok(WholeNumber(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<WholeNumber, E> {
        if number.fract() == 0.0 {
            // Beyond 128 bits it saturates, which is out of every range.
            Ok(WholeNumber(number as i128))
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_without_a_fraction_is_whole_however_it_is_written() {
        for (json, number) in [
            ("0", 0),
            ("-0.0", 0),
            ("8443", 8443),
            ("8443.0", 8443),
            ("84.43e2", 8443),
            ("-9223372036854775808", i64::MIN.into()),
            ("18446744073709551615", u64::MAX.into()),
            ("1e300", i128::MAX),
        ] {
            let read: WholeNumber = serde_json::from_str(json).unwrap();
            assert_eq!(read.0, number, "{json}");
        }
        for json in ["0.5", "8443.1", "\"8443\"", "null", "true", "[]", "{}"] {
            assert!(serde_json::from_str::<WholeNumber>(json).is_err(), "{json}");
        }
    }
}
