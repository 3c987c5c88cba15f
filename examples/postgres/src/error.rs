//! Conversion of the driver's errors to [`StoreError`].

use dcv_resolver_core::{StoreError, StoreErrorKind};

/// Converts an error of the driver. Every one is converted here.
pub(crate) fn store_error(source: sqlx::Error) -> StoreError {
    StoreError::new("postgres", kind(&source)).with_source(source)
}

fn kind(error: &sqlx::Error) -> StoreErrorKind {
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => kind_of_sqlstate(&code),
            None => StoreErrorKind::Other,
        },
        sqlx::Error::PoolTimedOut => StoreErrorKind::TimedOut,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => StoreErrorKind::Unavailable,
        sqlx::Error::Configuration(_) => StoreErrorKind::InvalidConfig,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Protocol(_) => StoreErrorKind::Incompatible,
        _ => StoreErrorKind::Other,
    }
}

/// Maps a code of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind_of_sqlstate(code: &str) -> StoreErrorKind {
    match code {
        // The server cancelled the statement.
        "57014" => StoreErrorKind::TimedOut,
        // A missing permission; a read-only replica; a missing table or column.
        "42501" => StoreErrorKind::AccessDenied,
        "25006" => StoreErrorKind::NotWritable,
        "42P01" | "42703" | "42804" => StoreErrorKind::Incompatible,
        "XX001" | "XX002" => StoreErrorKind::CorruptStore,
        // A full disk; a lock that was not acquired in time.
        "53100" => StoreErrorKind::NotWritable,
        "55P03" => StoreErrorKind::Unavailable,
        _ => match code.get(..2) {
            Some("08" | "40" | "53" | "57") => StoreErrorKind::Unavailable,
            Some("28") => StoreErrorKind::AccessDenied,
            _ => StoreErrorKind::Other,
        },
    }
}
