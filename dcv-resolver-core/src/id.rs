//! [`SessionId`]: the name that a client asks for.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::memory_size::arc_bytes;

/// The name of a session.
///
/// DCV does not document which session ids it allows, so this type only
/// requires what makes an id safe to transport and to log:
///
/// - 1 to [`SessionId::MAX_BYTES`] bytes of UTF-8,
/// - no control characters (Unicode category Cc: `U+0000`–`U+001F`,
///   `U+007F`–`U+009F`),
/// - compared byte for byte: never trimmed, never changed in case,
///   never normalized.
///
/// An id may still contain characters that *display* misleadingly, such as
/// bidirectional overrides: escape it where it is shown to people.
///
/// ```
/// use dcv_resolver_core::{InvalidSessionId, SessionId};
///
/// let id: SessionId = "console".parse()?;
/// assert_eq!(id.as_str(), "console");
/// assert_ne!(id, "Console".parse()?);
///
/// assert_eq!(SessionId::new(""), Err(InvalidSessionId::Empty));
/// assert_eq!(
///     SessionId::new("a\r\nb"),
///     Err(InvalidSessionId::ControlCharacter { offset_bytes: 1 }),
/// );
/// # Ok::<(), InvalidSessionId>(())
/// ```
// An `Arc`, so that the key of a map and its record share one string: with a
// `Box`, a cached session would take 32 bytes more, and each clone would
// allocate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(Arc<str>);

/// An error that occurs when a string is not a valid [`SessionId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSessionId {
    /// The string is empty.
    #[error("a session id must not be empty")]
    Empty,
    /// The string is longer than [`SessionId::MAX_BYTES`].
    #[error("a session id has at most {max} bytes, but this one has {length_bytes}", max = SessionId::MAX_BYTES)]
    TooLong {
        /// The length of the string.
        length_bytes: usize,
    },
    /// The string contains a control character.
    #[error(
        "a session id must not contain control characters, but this one does at byte {offset_bytes}"
    )]
    ControlCharacter {
        /// The byte offset of the first control character.
        offset_bytes: usize,
    },
}

impl SessionId {
    /// The maximum length of a session id, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Checks `text` and creates a session id.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionId`], when `text` breaks one of the rules above.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidSessionId> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(InvalidSessionId::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidSessionId::TooLong {
                length_bytes: text.len(),
            });
        }
        if !is_plain(text.as_bytes())
            && let Some(offset_bytes) = text.find(char::is_control)
        {
            return Err(InvalidSessionId::ControlCharacter { offset_bytes });
        }
        Ok(Self(text.into()))
    }

    /// Returns the id as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        arc_bytes(self.0.len())
    }
}

/// Returns whether `text` is all visible ASCII and spaces, as nearly every id
/// is. Without a branch for each byte, the compiler checks many at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter()
        .fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.as_str().to_owned()
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Makes a map with `SessionId` keys accept a `&str`.
impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn length_is_counted_in_bytes() {
        assert!(SessionId::new("é".repeat(128)).is_ok());
        assert_eq!(
            SessionId::new("é".repeat(129)),
            Err(InvalidSessionId::TooLong { length_bytes: 258 })
        );
    }

    #[test]
    fn every_control_character_is_rejected_and_none_beside_them() {
        for (control, neighbor) in [
            ('\0', ' '),
            ('\u{1f}', ' '),
            ('\u{7f}', '~'),
            ('\u{9f}', '\u{a0}'),
        ] {
            assert!(SessionId::new(format!("a{neighbor}")).is_ok());
            assert_eq!(
                SessionId::new(format!("é{control}")),
                Err(InvalidSessionId::ControlCharacter { offset_bytes: 2 }),
                "{control:?}"
            );
        }
        for control in (0..0xa0)
            .filter_map(char::from_u32)
            .filter(|c| c.is_control())
        {
            assert!(
                SessionId::new(format!("a{control}")).is_err(),
                "{control:?}"
            );
        }
    }

    #[test]
    fn spaces_and_case_are_kept() {
        assert_eq!(SessionId::new(" A b ").unwrap().as_str(), " A b ");
    }

    #[test]
    fn every_conversion_to_text_is_the_same() {
        let id = SessionId::new("console").unwrap();
        assert_eq!(id.to_string(), "console");
        assert_eq!(AsRef::<str>::as_ref(&id), "console");
        assert!(std::collections::HashSet::from([id.clone()]).contains("console"));
        assert_eq!(String::from(id), "console");
    }

    #[test]
    fn deserialized_id_is_checked() {
        let id: SessionId = serde_json::from_str("\"i-0abc\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"i-0abc\"");
        assert!(serde_json::from_str::<SessionId>("\"\"").is_err());
    }

    proptest! {
        #[test]
        fn accepted_id_is_kept_byte_for_byte(text in ".*") {
            if let Ok(id) = SessionId::new(text.as_str()) {
                prop_assert_eq!(id.as_str(), text.as_str());
            }
        }
    }
}
