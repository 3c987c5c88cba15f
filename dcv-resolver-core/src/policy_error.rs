//! [`PolicyError`]: the error of a policy that could not decide.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error_chain::ErrorChain;

/// An error of a policy that could not decide whether a client may reach a
/// session.
///
/// It never means a denial: for that, a policy returns
/// [`Verdict::Deny`](crate::Verdict::Deny). The gateway receives an error, as
/// it does when a store is down.
///
/// Displays as one line without the source; [`chain`](Self::chain) adds the
/// sources. Neither is sent to the gateway. Clones share the source.
///
/// ```
/// use dcv_resolver_core::{PolicyError, PolicyErrorKind};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = PolicyError::new(PolicyErrorKind::Unavailable).with_source(refused);
///
/// assert!(error.is_retryable());
/// assert_eq!(
///     error.chain().to_string(),
///     "the policy's service cannot be reached: connection refused",
/// );
/// ```
#[derive(Debug, Clone)]
pub struct PolicyError {
    kind: PolicyErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong in a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// A service that the policy calls is down, refuses connections, or is
    /// overloaded.
    #[error("the policy's service cannot be reached")]
    Unavailable,
    /// The policy did not decide within its time limit.
    #[error("the policy did not decide in time")]
    TimedOut,
    /// Anything else.
    #[error("the policy failed")]
    Other,
}

impl PolicyError {
    /// Creates an error of this kind, without a source.
    #[must_use]
    pub const fn new(kind: PolicyErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds the cause: an error or a sentence. It must not contain a secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> PolicyErrorKind {
        self.kind
    }

    /// Returns whether the same check may succeed later without intervention.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            PolicyErrorKind::Unavailable | PolicyErrorKind::TimedOut
        )
    }

    /// Returns the error and every source below it as one line, joined by `: `.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        ErrorChain::new(self)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// Not derived: the `Arc` is itself an error, so the derived method would hide
/// the type of the source.
impl Error for PolicyError {
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
            (PolicyErrorKind::Unavailable, true),
            (PolicyErrorKind::TimedOut, true),
            (PolicyErrorKind::Other, false),
        ] {
            assert_eq!(PolicyError::new(kind).is_retryable(), retryable);
        }
    }

    #[test]
    fn chain_names_the_cause() {
        let error = PolicyError::new(PolicyErrorKind::Other).with_source("the directory is gone");
        assert_eq!(
            error.chain().to_string(),
            "the policy failed: the directory is gone"
        );
    }
}
