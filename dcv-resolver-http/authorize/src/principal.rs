//! [`Principal`]: who sent a request.

use std::sync::Arc;

use crate::scope::Scope;

/// The sender of a request, as it is named in the log, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The name. It must not contain a secret.
    pub name: Arc<str>,
    /// The role, if there are roles.
    pub role: Option<Arc<str>>,
    /// The sessions that the caller is limited to.
    pub scope: Scope,
    /// Whether the caller may remove sessions without their lease tokens, as an
    /// operator.
    pub overrides_leases: bool,
}

impl Principal {
    /// Creates a principal that has no role, is not limited to some sessions,
    /// and does not override leases.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            role: None,
            scope: Scope::default(),
            overrides_leases: false,
        }
    }

    /// Sets the role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Arc<str>>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Limits the caller to some sessions.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Allows the caller to remove sessions without their lease tokens.
    #[must_use]
    pub fn overriding_leases(mut self) -> Self {
        self.overrides_leases = true;
        self
    }
}
