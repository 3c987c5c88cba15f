//! [`WebUrlPath`]: the path at which a DCV server serves its web client.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::memory_size::allocated_bytes;

/// The path part of a DCV server's address, its `web-url-path` setting.
///
/// It starts with one `/` and contains only what RFC 3986 allows in a path:
/// letters, digits, `/ - . _ ~ ! $ & ' ( ) * + , ; = : @` and percent-encoded
/// bytes. It has at most [`WebUrlPath::MAX_BYTES`] bytes. The default is `/`.
/// An empty string means the same, because the Session Manager Broker's
/// DescribeSessions returns one for QUIC.
///
/// ```
/// use dcv_resolver_core::WebUrlPath;
///
/// assert_eq!(WebUrlPath::default().as_str(), "/");
/// assert_eq!("/desktop".parse::<WebUrlPath>()?.as_str(), "/desktop");
/// assert!("desktop".parse::<WebUrlPath>().is_err());
/// # Ok::<(), dcv_resolver_core::InvalidWebUrlPath>(())
/// ```
// `None` is "/", so that the path of nearly every server takes no memory.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebUrlPath(Option<Box<str>>);

/// An error that occurs when a string is not a valid [`WebUrlPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWebUrlPath {
    /// The string does not start with `/`.
    #[error("a web URL path starts with '/'")]
    NotAbsolute,
    /// The string starts with `//`, which would name another host.
    #[error("a web URL path starts with one '/', not with two")]
    DoubledSlash,
    /// The string is longer than [`WebUrlPath::MAX_BYTES`].
    #[error("a web URL path has at most {max} bytes, but this one has {length_bytes}", max = WebUrlPath::MAX_BYTES)]
    TooLong {
        /// The length of the string.
        length_bytes: usize,
    },
    /// The string contains a character that is not allowed in a path.
    #[error(
        "a web URL path must not contain the character at byte {offset_bytes}; percent-encode it, or leave out the query"
    )]
    Character {
        /// The byte offset of the first such character.
        offset_bytes: usize,
    },
}

impl WebUrlPath {
    /// The maximum length of a path, in bytes.
    pub const MAX_BYTES: usize = 1024;

    pub(crate) const ROOT: Self = Self(None);

    /// Checks `text` and creates a path.
    ///
    /// # Errors
    ///
    /// [`InvalidWebUrlPath`], when `text` breaks one of the rules above.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidWebUrlPath> {
        let text = text.as_ref();
        if text.is_empty() || text == "/" {
            return Ok(Self::default());
        }
        if !text.starts_with('/') {
            return Err(InvalidWebUrlPath::NotAbsolute);
        }
        if text.starts_with("//") {
            return Err(InvalidWebUrlPath::DoubledSlash);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidWebUrlPath::TooLong {
                length_bytes: text.len(),
            });
        }
        if let Some(offset_bytes) = first_bad_byte(text.as_bytes()) {
            return Err(InvalidWebUrlPath::Character { offset_bytes });
        }
        Ok(Self(Some(text.into())))
    }

    /// Returns the path as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/")
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.0
            .as_ref()
            .map_or(0, |path| allocated_bytes(path.len()))
    }
}

fn first_bad_byte(text: &[u8]) -> Option<usize> {
    const SUB_DELIMITERS_AND_MORE: &[u8] = b"/-._~!$&'()*+,;=:@";
    let mut bytes = text.iter().enumerate();
    while let Some((offset, &byte)) = bytes.next() {
        let allowed = match byte {
            b'%' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| digit.is_some_and(|(_, digit)| digit.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || SUB_DELIMITERS_AND_MORE.contains(&byte),
        };
        if !allowed {
            return Some(offset);
        }
    }
    None
}

impl FromStr for WebUrlPath {
    type Err = InvalidWebUrlPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for WebUrlPath {
    type Error = InvalidWebUrlPath;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<WebUrlPath> for String {
    fn from(path: WebUrlPath) -> Self {
        path.as_str().to_owned()
    }
}

impl AsRef<str> for WebUrlPath {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for WebUrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for WebUrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_written_out_is_the_default() {
        assert_eq!(WebUrlPath::new("/").unwrap(), WebUrlPath::default());
    }

    #[test]
    fn path_is_kept_byte_for_byte() {
        for text in ["/desktop", "/a/b//c/", "/a%20b", "/~user;v=1,2"] {
            assert_eq!(WebUrlPath::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn every_conversion_to_text_is_the_same() {
        let path = WebUrlPath::new("/desktop").unwrap();
        assert_eq!(path.to_string(), "/desktop");
        assert_eq!(AsRef::<str>::as_ref(&path), "/desktop");
        assert_eq!(String::from(path), "/desktop");
    }

    #[test]
    fn each_invalid_path_has_its_own_error() {
        let character = |offset_bytes| InvalidWebUrlPath::Character { offset_bytes };
        for (text, error) in [
            ("desktop", InvalidWebUrlPath::NotAbsolute),
            ("https://ws.example/", InvalidWebUrlPath::NotAbsolute),
            ("//ws.example/", InvalidWebUrlPath::DoubledSlash),
            ("/a b", character(2)),
            ("/a?b", character(2)),
            ("/a#b", character(2)),
            ("/a\r\n", character(2)),
            ("/é", character(1)),
            ("/%", character(1)),
            ("/%2", character(1)),
            ("/%zz", character(1)),
        ] {
            assert_eq!(WebUrlPath::new(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn path_has_at_most_1024_bytes() {
        let longest = format!("/{}", "a".repeat(1023));
        assert!(WebUrlPath::new(&longest).is_ok());
        assert_eq!(
            WebUrlPath::new(longest + "a"),
            Err(InvalidWebUrlPath::TooLong { length_bytes: 1025 })
        );
    }
}
