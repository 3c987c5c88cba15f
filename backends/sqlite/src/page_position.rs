//! [`PagePosition`]: the id after which a page of a listing starts.

use dcv_resolver_core::{ListError, PageToken, SessionId};
use sqlx::sqlite::SqliteRow;

use crate::row::id_bytes;

/// Precedes the bytes of an id in hexadecimal digits.
const ESCAPED: &str = "0x";

/// The last id of a page, which may be invalid: another program wrote it then.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PagePosition(Vec<u8>);

impl PagePosition {
    /// Returns the position of `row`, whose first column is the id.
    pub(crate) fn of(row: &SqliteRow) -> Self {
        Self(id_bytes(row))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns a valid id as it is, and any other in hexadecimal digits.
    pub(crate) fn token(&self) -> PageToken {
        let text = std::str::from_utf8(&self.0);
        let plain = text
            .ok()
            .filter(|text| !text.starts_with(ESCAPED) && SessionId::new(*text).is_ok());
        PageToken::new(match plain {
            Some(id) => id.to_owned(),
            None => self
                .0
                .iter()
                .fold(ESCAPED.to_owned(), |text, byte| format!("{text}{byte:02x}")),
        })
    }

    pub(crate) fn parse(token: &PageToken) -> Result<Self, ListError> {
        let Some(digits) = token.as_str().strip_prefix(ESCAPED) else {
            let id = SessionId::new(token.as_str()).map_err(ListError::invalid_page_token)?;
            return Ok(Self(id.as_str().into()));
        };
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        let bytes = pairs.iter().map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        match bytes.collect::<Option<_>>().filter(|_| rest.is_empty()) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(ListError::invalid_page_token("expected hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_survives_the_token() {
        for id in ["console", "", "a\0b", "0x41", "0xé"] {
            let position = PagePosition(id.into());
            assert_eq!(PagePosition::parse(&position.token()).unwrap(), position);
        }
        let position = PagePosition(vec![0xff, 0]);
        assert_eq!(PagePosition::parse(&position.token()).unwrap(), position);
        assert_eq!(PagePosition("console".into()).token().as_str(), "console");
    }

    #[test]
    fn foreign_token_is_refused() {
        for token in ["", "0x1", "0xgg", "a\0b"] {
            assert!(
                PagePosition::parse(&PageToken::new(token)).is_err(),
                "{token}"
            );
        }
    }
}
