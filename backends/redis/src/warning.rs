//! [`RedisWarning`]: what is likely to lose sessions although calls succeed.

use std::fmt;

use crate::eviction::Eviction;
use crate::failure::Failure;

/// A warning about what is likely to lose sessions, or to keep them from being
/// found, although calls succeed.
///
/// Displays as a sentence for operators.
#[derive(Debug, Clone)]
pub struct RedisWarning(Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The server drops sessions.
    Evicts { server: String, eviction: Eviction },
    /// A node of a cluster cannot be reached at the address that it announces.
    Unreachable(Failure),
}

impl RedisWarning {
    pub(crate) fn evicts(server: String, eviction: Eviction) -> Self {
        Self(Kind::Evicts { server, eviction })
    }

    pub(crate) fn unreachable(failure: Failure) -> Self {
        Self(Kind::Unreachable(failure))
    }

    /// Returns the kind of the warning as a word, for metrics: `eviction` or
    /// `unreachable_node`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.0 {
            Kind::Evicts { .. } => "eviction",
            Kind::Unreachable(_) => "unreachable_node",
        }
    }
}

impl fmt::Display for RedisWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Evicts { server, eviction } => write!(f, "Redis at {server} {eviction}"),
            Kind::Unreachable(failure) => failure.fmt(f),
        }
    }
}
