//! Conversion between a row of the table and a [`SessionRecord`].

use std::error::Error;

use dcv_resolver_core::stored_form::Header;
use dcv_resolver_core::{Expiry, SessionRecord, StoreError, StoreErrorKind, Timestamp};

/// The columns `id`, `record` and `expires_at_ms`.
pub(crate) type Row = (String, String, Option<i64>);

/// Decodes a row. Invalid data is an error that names the session, never "no
/// such session".
pub(crate) fn decode((id, json, expires_at_ms): &Row) -> Result<SessionRecord, StoreError> {
    let fail = |kind, source: Box<dyn Error + Send + Sync>| {
        StoreError::new("postgres", kind).with_source(format!("session {id:?}: {source}"))
    };
    let corrupt = |source: serde_json::Error| fail(StoreErrorKind::CorruptRecord, source.into());
    let header: Header = serde_json::from_str(json).map_err(corrupt)?;
    // A later version of this program has written it.
    (header.check()).map_err(|newer| fail(StoreErrorKind::Incompatible, newer.into()))?;
    let record: SessionRecord = serde_json::from_str(json).map_err(corrupt)?;
    if record.id().as_str() != id {
        let source = format!("the record is of session {:?}", record.id().as_str());
        return Err(fail(StoreErrorKind::CorruptRecord, source.into()));
    }
    let expiry = expires_at_ms.map(Timestamp::from_unix_ms);
    Ok(record.with_expiry(Expiry::from(expiry)))
}

/// Encodes the column `record`.
pub(crate) fn json(record: &SessionRecord) -> Result<String, StoreError> {
    serde_json::to_string(record)
        .map_err(|source| StoreError::new("postgres", StoreErrorKind::Other).with_source(source))
}

/// Encodes the column `expires_at_ms`.
pub(crate) fn expires_at_ms(expiry: Expiry) -> Option<i64> {
    Option::<Timestamp>::from(expiry).map(Timestamp::as_unix_ms)
}
