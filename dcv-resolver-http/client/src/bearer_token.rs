//! [`BearerToken`]: the secret that a service asks of its callers.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use hyper::header::HeaderValue;

/// A bearer token (RFC 6750), such as one of the admin API.
///
/// ```no_run
/// use dcv_resolver_client::{BearerToken, HeaderMap, header};
///
/// # fn main() -> Result<(), dcv_resolver_client::BearerTokenError> {
/// let token = BearerToken::read("/etc/dcv-resolver-agent/token".as_ref())?;
/// let headers = HeaderMap::from_iter([(header::AUTHORIZATION, token.header_value())]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BearerToken {
    header: HeaderValue,
}

/// An error that occurs when a file holds no bearer token.
///
/// Displays as one sentence with the path, the problem and the remedy. It quotes
/// nothing of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BearerTokenError {
    /// The file cannot be read.
    #[error("cannot read the bearer token in {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not UTF-8.
    #[error("the bearer token in {} is not UTF-8; save the file as UTF-8, not as UTF-16", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// The file is empty, or has only white space.
    #[error("{} is empty; write the bearer token to it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file has characters that a bearer token cannot have.
    #[error(
        "{} holds more than visible ASCII characters; write only the bearer token to it, without its name or quotes",
        path.display()
    )]
    InvalidCharacters {
        /// The file.
        path: PathBuf,
    },
}

impl BearerToken {
    /// Reads the token in the file at `path`, without the white space around it.
    /// This function blocks while it reads.
    ///
    /// # Errors
    ///
    /// [`BearerTokenError`], when the file cannot be read, or contains anything
    /// other than one word of visible ASCII characters.
    pub fn read(path: &Path) -> Result<Self, BearerTokenError> {
        let path_buf = || path.to_owned();
        let content = dcv_resolver_file_watch::read(path).map_err(|source| {
            let path = path_buf();
            BearerTokenError::Unreadable { path, source }
        })?;
        let text = std::str::from_utf8(&content)
            .map_err(|_| BearerTokenError::NotUtf8 { path: path_buf() })?;
        let token = text.trim();
        if token.is_empty() {
            return Err(BearerTokenError::Empty { path: path_buf() });
        }
        let invalid = || BearerTokenError::InvalidCharacters { path: path_buf() };
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| invalid())?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// Returns the value of the header `Authorization`, marked as sensitive.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// Without the token.
impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Reads a file with this content, and returns its path as well.
    fn read(content: &[u8]) -> (Result<BearerToken, BearerTokenError>, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        (
            BearerToken::read(file.path()),
            file.path().display().to_string(),
        )
    }

    #[test]
    fn token_is_one_word_of_the_file_and_not_shown() {
        for content in ["tr0ub4dor", " tr0ub4dor\r\n", "\u{feff}tr0ub4dor\n"] {
            let token = read(content.as_bytes()).0.unwrap();
            assert_eq!(token.header_value(), "Bearer tr0ub4dor");
            let shown = format!("{token:?} {:?}", token.header_value());
            assert!(!shown.contains("tr0ub4dor"), "{shown}");
        }
    }

    #[test]
    fn file_that_holds_no_token_is_an_error_with_its_path_and_without_its_content() {
        let utf16: Vec<u8> = "\u{feff}tr0ub4dor"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (content, expected) in [
            (&utf16[..], "is not UTF-8"),
            (b"", "is empty"),
            (b"\xEF\xBB\xBF \r\n", "is empty"),
            (b"reader read-only tr0ub4dor", "more than visible ASCII"),
            (b"tr0ub4dor\ntr0ub4dor", "more than visible ASCII"),
            ("tr0ub4dor\u{e9}".as_bytes(), "more than visible ASCII"),
            (b"tr0ub4dor\0", "more than visible ASCII"),
        ] {
            let (token, path) = read(content);
            let error = token.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains(&path), "{error}");
            assert!(!error.contains("tr0ub4dor"), "{error}");
        }
    }

    #[test]
    fn missing_file_is_an_error_with_its_path() {
        let error = BearerToken::read(Path::new("/nowhere/token")).unwrap_err();
        assert!(matches!(error, BearerTokenError::Unreadable { .. }));
        let sentence = error.to_string();
        let expected = "cannot read the bearer token in /nowhere/token: ";
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}
