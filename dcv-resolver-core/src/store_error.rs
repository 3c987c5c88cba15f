//! [`StoreError`]: the error of a store that could not answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error_chain::ErrorChain;

/// An error of a store that could not answer.
///
/// It never means that a session does not exist: for that, a store returns
/// `Ok(None)`.
///
/// Displays as one line without the source; [`chain`](Self::chain) adds the
/// sources. Neither is sent to the gateway. Clones share the source, so that one
/// failure can be returned to every caller that waited for the same lookup.
///
/// ```
/// use dcv_resolver_core::{StoreError, StoreErrorKind};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = StoreError::new("inventory", StoreErrorKind::Unavailable).with_source(refused);
///
/// assert!(error.is_retryable());
/// assert_eq!(error.to_string(), "inventory: the store cannot be reached");
/// assert_eq!(
///     error.chain().to_string(),
///     "inventory: the store cannot be reached: connection refused",
/// );
/// ```
#[derive(Debug, Clone)]
pub struct StoreError {
    backend: &'static str,
    kind: StoreErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong in a store.
///
/// | situation | kind |
/// |---|---|
/// | connection refused or reset, DNS failure, missing file | `Unavailable` |
/// | TLS handshake failed, untrusted or expired certificate of the server | `Unavailable` |
/// | server refuses more connections, is starting, or fails over | `Unavailable` |
/// | lock not acquired, deadlock, serialization failure, busy database | `Unavailable` |
/// | no answer, or no free connection in the pool, within the store's own time limit | `TimedOut` |
/// | wrong password, rejected client certificate, missing permission, forbidden command | `AccessDenied` |
/// | disk full, read-only replica or file, quota exceeded, memory limit | `NotWritable` |
/// | missing table or column, newer schema, stored form of a newer version, another protocol | `Incompatible` |
/// | not a database, damaged file, failed checksum | `CorruptStore` |
/// | one value that is not a record, or the record of another session | `CorruptRecord` |
/// | bad URL, contradictory options, unreadable certificate file | `InvalidConfig` |
///
/// `Unavailable` and `TimedOut` are [retryable](StoreError::is_retryable). When
/// in doubt, choose `Unavailable` for a failure that ends without intervention,
/// and `Other` for one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store is down, refuses connections, or is overloaded.
    #[error("the store cannot be reached")]
    Unavailable,
    /// The store did not answer in time.
    #[error("the store did not answer in time")]
    TimedOut,
    /// The store rejects the credentials, or does not permit the operation.
    #[error("the store denies access")]
    AccessDenied,
    /// The store is full or read-only.
    #[error("the store is not writable")]
    NotWritable,
    /// The store has the schema of another version, or of another program.
    #[error("incompatible store schema")]
    Incompatible,
    /// The store as a whole cannot be read: not a database, or a damaged one.
    #[error("the store is damaged")]
    CorruptStore,
    /// One stored record cannot be read.
    #[error("a stored record is damaged")]
    CorruptRecord,
    /// The configuration of the store is invalid.
    #[error("invalid store configuration")]
    InvalidConfig,
    /// Anything else.
    #[error("the store failed")]
    Other,
}

impl StoreError {
    /// Creates an error from a backend, such as `sqlite`, without a source.
    #[must_use]
    pub const fn new(backend: &'static str, kind: StoreErrorKind) -> Self {
        Self {
            backend,
            kind,
            source: None,
        }
    }

    /// Adds the cause: an error or a sentence. It must not contain a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns the name of the backend.
    #[must_use]
    pub const fn backend(&self) -> &'static str {
        self.backend
    }

    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns whether the same call may succeed later without intervention.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Unavailable | StoreErrorKind::TimedOut
        )
    }

    /// Returns the error and every source below it as one line, joined by `: `.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        ErrorChain::new(self)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.backend, self.kind)
    }
}

/// Not derived: the `Arc` is itself an error, so the derived method would hide
/// the type of the source.
impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_failures_are_retryable() {
        for (kind, retryable) in [
            (StoreErrorKind::Unavailable, true),
            (StoreErrorKind::TimedOut, true),
            (StoreErrorKind::AccessDenied, false),
            (StoreErrorKind::CorruptRecord, false),
        ] {
            assert_eq!(StoreError::new("test", kind).is_retryable(), retryable);
        }
    }

    #[test]
    fn source_keeps_its_type() {
        let error = StoreError::new("test", StoreErrorKind::Other)
            .with_source(std::io::Error::from(std::io::ErrorKind::NotFound));
        for error in [error.clone(), error] {
            assert_eq!(error.backend(), "test");
            let source = error.source().unwrap();
            assert!(source.downcast_ref::<std::io::Error>().is_some());
        }
    }
}
