//! Conversion between a row of the table and a [`SessionRecord`].

use std::collections::BTreeMap;
use std::error::Error;

use dcv_resolver_core::{
    Expiry, Host, SessionId, SessionRecord, SessionState, StoreError, StoreErrorKind, Timestamp,
    WebUrlPath,
};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row, Type};

use crate::error::error;

/// The columns that [`decode`] reads, in this order.
macro_rules! columns {
    () => {
        "id, target_id, host, http_port, quic_port, web_url_path, state, expires_at_ms, owner, labels"
    };
}
pub(crate) use columns;

/// Lets an `INSERT` overwrite a row of the same id, including its lease. A
/// `WHERE` clause may follow.
macro_rules! overwrite {
    () => {
        "ON CONFLICT (id) DO UPDATE SET \
        target_id = excluded.target_id, host = excluded.host, \
        http_port = excluded.http_port, quic_port = excluded.quic_port, \
        web_url_path = excluded.web_url_path, state = excluded.state, \
        expires_at_ms = excluded.expires_at_ms, owner = excluded.owner, \
        labels = excluded.labels, lease_digest = excluded.lease_digest, lease_token = NULL"
    };
}
pub(crate) use overwrite;

/// A row is not a valid session.
#[derive(Debug, thiserror::Error)]
#[error("invalid row of session {id:?}")]
struct DecodeError {
    id: String,
    source: BoxError,
}

/// The value of a column is invalid.
#[derive(Debug, thiserror::Error)]
#[error("column {column}")]
struct ColumnError {
    column: &'static str,
    source: BoxError,
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Decodes `row`, whose columns are [`columns!`].
pub(crate) fn decode(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
    record(row).map_err(|source| {
        error(StoreErrorKind::CorruptRecord).with_source(DecodeError {
            id: String::from_utf8_lossy(&id_bytes(row)).into_owned(),
            source,
        })
    })
}

/// Returns the id in the first column, which may be invalid.
pub(crate) fn id_bytes(row: &SqliteRow) -> Vec<u8> {
    row.try_get(0).unwrap_or_default()
}

fn record(row: &SqliteRow) -> Result<SessionRecord, BoxError> {
    let id = text(row, 0, "id", SessionId::new)?;
    let host = text(row, 2, "host", Host::new)?;
    let expires_at_ms: Option<i64> = value(row, 7, "expires_at_ms")?;
    let expiry = Expiry::from(expires_at_ms.map(Timestamp::from_unix_ms));

    let target_id = value::<Option<&str>>(row, 1, "target_id")?;
    let target_id = target_id.map(|target_id| column("target_id", SessionId::new(target_id)));
    let state = text(row, 6, "state", |text: &str| text.parse::<SessionState>())?;
    let labels: BTreeMap<String, String> = text(row, 9, "labels", serde_json::from_str)?;
    let record = SessionRecord::builder(id, host, expiry)
        .target_id(target_id.transpose()?)
        .http_port(value::<Option<u16>>(row, 3, "http_port")?)
        .quic_port(value::<Option<u16>>(row, 4, "quic_port")?)
        .web_url_path(text(row, 5, "web_url_path", WebUrlPath::new)?)
        .state(state)
        .owner(value::<Option<&str>>(row, 8, "owner")?)
        .labels(labels);
    Ok(record.build()?)
}

fn text<'r, T, E>(
    row: &'r SqliteRow,
    index: usize,
    name: &'static str,
    parse: impl FnOnce(&'r str) -> Result<T, E>,
) -> Result<T, ColumnError>
where
    E: Into<BoxError>,
{
    // The driver would read NULL as an empty string, which is a valid path.
    let text: Option<&str> = value(row, index, name)?;
    let text = column(name, text.ok_or("it is NULL; expected a string"))?;
    column(name, parse(text))
}

fn value<'r, T>(row: &'r SqliteRow, index: usize, name: &'static str) -> Result<T, ColumnError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    column(name, row.try_get(index))
}

fn column<T, E: Into<BoxError>>(
    column: &'static str,
    value: Result<T, E>,
) -> Result<T, ColumnError> {
    value.map_err(|source| ColumnError {
        column,
        source: source.into(),
    })
}

/// Encodes the column `expires_at_ms`.
pub(crate) fn expires_at_ms(expiry: Expiry) -> Option<i64> {
    Option::<Timestamp>::from(expiry).map(Timestamp::as_unix_ms)
}

/// Encodes the column `target_id`.
pub(crate) fn target_id(record: &SessionRecord) -> Option<&str> {
    (record.target_id() != record.id()).then(|| record.target_id().as_str())
}

/// Encodes the column `labels`.
pub(crate) fn labels(record: &SessionRecord) -> Result<String, StoreError> {
    serde_json::to_string(record.labels())
        .map_err(|source| error(StoreErrorKind::Other).with_source(source))
}
