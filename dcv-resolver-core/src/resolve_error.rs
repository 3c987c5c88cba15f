//! [`ResolveError`]: a store or a policy failed, so the request could not be
//! answered.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error_chain::ErrorChain;
use crate::{PolicyError, StoreError};

/// The error of a store or a policy that failed, so that a request could not be
/// answered.
///
/// It never means that there is no such session: for that, the resolver returns
/// [`Outcome::NotFound`](crate::Outcome::NotFound).
///
/// Displays which store or policy failed; [`chain`](Self::chain) adds why.
/// Neither is sent to the gateway.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// A store failed.
    #[error("the store {store:?} failed")]
    Store {
        /// The store's name.
        store: Arc<str>,
        /// Why it failed.
        source: StoreError,
    },
    /// A policy failed.
    #[error("the policy {policy:?} failed")]
    Policy {
        /// The policy's name.
        policy: Arc<str>,
        /// Why it failed.
        source: PolicyError,
    },
}

impl ResolveError {
    /// Returns the name of the store, if a store failed.
    #[must_use]
    pub fn store(&self) -> Option<&str> {
        match self {
            Self::Store { store, .. } => Some(store),
            Self::Policy { .. } => None,
        }
    }

    /// Returns the name of the policy, if a policy failed.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        match self {
            Self::Store { .. } => None,
            Self::Policy { policy, .. } => Some(policy),
        }
    }

    /// Returns the error of the store, if a store failed.
    #[must_use]
    pub fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store { source, .. } => Some(source),
            Self::Policy { .. } => None,
        }
    }

    /// Returns the error of the policy, if a policy failed.
    #[must_use]
    pub fn policy_error(&self) -> Option<&PolicyError> {
        match self {
            Self::Store { .. } => None,
            Self::Policy { source, .. } => Some(source),
        }
    }

    /// Returns whether the same request may succeed later without intervention.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_retryable(),
            Self::Policy { source, .. } => source.is_retryable(),
        }
    }

    /// Returns the error and every source below it as one line, joined by `: `.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display + '_ {
        let error: &(dyn Error + 'static) = self;
        ErrorChain::new(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PolicyErrorKind, StoreErrorKind};

    #[test]
    fn chain_names_who_failed_and_why() {
        let store = ResolveError::Store {
            store: "agents".into(),
            source: StoreError::new("redis", StoreErrorKind::Unavailable).with_source("refused"),
        };
        assert_eq!(
            store.chain().to_string(),
            "the store \"agents\" failed: redis: the store cannot be reached: refused"
        );
        assert_eq!((store.store(), store.policy()), (Some("agents"), None));
        let policy = ResolveError::Policy {
            policy: "billing".into(),
            source: PolicyError::new(PolicyErrorKind::Other),
        };
        assert_eq!(
            policy.chain().to_string(),
            "the policy \"billing\" failed: the policy failed"
        );
        assert_eq!((policy.store(), policy.policy()), (None, Some("billing")));
        assert!(store.is_retryable() && !policy.is_retryable());
    }
}
