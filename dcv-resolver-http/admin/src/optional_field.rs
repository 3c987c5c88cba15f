//! Fields of a JSON object that may be left out.

use serde::{Deserialize, Deserializer};

/// Deserializes a field that may be left out: a value that is given is one, and
/// `null` only if it has a meaning of its own.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
