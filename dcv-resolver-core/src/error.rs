//! [`StoreError`]: the store could not answer the question.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error_chain::ErrorChain;

/// A store could not do what it was asked.
///
/// It never means that a session is absent: that is `Ok(None)`.
///
/// Displays as one line without the source; [`chain`](Self::chain) adds what
/// lies beneath. Neither is for the gateway's eyes. Clones share the source, so
/// that one failure can be told to everybody who waited for the same answer.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store is down, refuses, or is too busy to answer.
    #[error("the store cannot be reached")]
    Unavailable,
    /// The store did not answer in time.
    #[error("the store did not answer in time")]
    TimedOut,
    /// The store refuses these credentials, or this operation for them.
    #[error("the store denies access")]
    AccessDenied,
    /// The store has no room left, or cannot be written.
    #[error("the store cannot be written")]
    NotWritable,
    /// The store was laid out by another version, or by another program.
    #[error("the store's layout is not the one expected")]
    Incompatible,
    /// The store as a whole cannot be read: not a database, or a damaged one.
    #[error("the store is damaged")]
    CorruptStore,
    /// One stored record cannot be read.
    #[error("a stored record is damaged")]
    CorruptRecord,
    /// The store was set up wrongly.
    #[error("the store's configuration is wrong")]
    InvalidConfig,
    /// Anything else.
    #[error("the store failed")]
    Other,
}

impl StoreError {
    /// An error of the store that `backend` names, such as `sqlite`.
    #[must_use]
    pub const fn new(backend: &'static str, kind: StoreErrorKind) -> Self {
        Self {
            backend,
            kind,
            source: None,
        }
    }

    /// Adds what lies beneath: an error, or a sentence. It must hold no secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The store that failed.
    #[must_use]
    pub const fn backend(&self) -> &'static str {
        self.backend
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later with nothing mended by hand.
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
        ErrorChain(self)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.backend, self.kind)
    }
}

/// Not derived: the `Arc` is an error of its own, and what is in it could not
/// be told by its type.
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
    fn only_what_passes_by_itself_is_retryable() {
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
    fn the_chain_says_nothing_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot connect: {0}")]
        struct Quoting(#[source] std::io::Error);

        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = StoreError::new("test", StoreErrorKind::Other).with_source(Quoting(refused));
        assert_eq!(
            error.chain().to_string(),
            "test: the store failed: cannot connect: connection refused"
        );
    }

    #[test]
    fn the_source_keeps_its_type() {
        let error = StoreError::new("test", StoreErrorKind::Other)
            .with_source(std::io::Error::from(std::io::ErrorKind::NotFound));
        for error in [error.clone(), error] {
            let source = error.source().unwrap();
            assert!(source.downcast_ref::<std::io::Error>().is_some());
        }
    }
}
