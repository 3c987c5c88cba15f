//! [`Unreadable`]: a key holds a value that is not a readable session.

use std::error::Error;

use dcv_resolver_core::stored_form;
use dcv_resolver_core::{StoreError, StoreErrorKind};

use crate::error::error;
use crate::failure::Failure;

/// The value of a key is not one that this version can read.
#[derive(Debug, thiserror::Error)]
#[error("the value of the key {key:?} cannot be read as a session")]
pub(crate) struct Unreadable {
    key: String,
    #[source]
    cause: DecodeError,
}

/// What is wrong with the value of a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("it was not written by this program, or it is damaged")]
    NotOurs,
    #[error("it was written by a newer version of this program; update this one")]
    Newer,
    #[error("its record was written by a newer version of this program")]
    NewerRecord(#[source] stored_form::UnsupportedVersion),
    #[error("it has {length_bytes} bytes, and a record has at most {max_bytes}")]
    TooLong {
        length_bytes: usize,
        max_bytes: usize,
    },
    #[error("its record is damaged")]
    BadRecord(#[source] serde_json::Error),
    #[error("its record is that of another session")]
    OtherId,
    #[error("it is not a string")]
    WrongType(#[source] Failure),
}

impl Unreadable {
    pub(crate) fn new(key: &str, cause: DecodeError) -> Self {
        Self {
            key: key.to_owned(),
            cause,
        }
    }

    /// Whether `error` concerns the value of one key, and no other.
    pub(crate) fn is_source_of(error: &StoreError) -> bool {
        error.source().is_some_and(|source| source.is::<Self>())
    }
}

impl From<Unreadable> for StoreError {
    fn from(unreadable: Unreadable) -> Self {
        let kind = match unreadable.cause {
            DecodeError::Newer | DecodeError::NewerRecord(_) => StoreErrorKind::Incompatible,
            DecodeError::NotOurs
            | DecodeError::TooLong { .. }
            | DecodeError::BadRecord(_)
            | DecodeError::OtherId
            | DecodeError::WrongType(_) => StoreErrorKind::CorruptRecord,
        };
        error(kind).with_source(unreadable)
    }
}

/// Converts the failure of an operation on `key`.
pub(crate) fn key_error(failure: Failure, key: &str) -> StoreError {
    if failure.code() == Some("WRONGTYPE") {
        return Unreadable::new(key, DecodeError::WrongType(failure)).into();
    }
    failure.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_of_another_type_is_a_corrupt_record() {
        let wrong_type = redis::parse_redis_value(b"-WRONGTYPE Operation against a key\r\n")
            .unwrap()
            .extract_error()
            .unwrap_err();
        let error = key_error(Failure::of(&wrong_type, []), "dcv:session:console");
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
        assert!(error.chain().to_string().contains("dcv:session:console"));
    }
}
