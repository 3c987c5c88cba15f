//! [`NamedPolicy`]: a policy of a resolver.

use std::sync::Arc;

use crate::Policy;

/// A policy and its name, which is read once.
#[derive(Clone)]
pub(crate) struct NamedPolicy {
    pub(crate) name: Arc<str>,
    pub(crate) policy: Arc<dyn Policy>,
}

impl NamedPolicy {
    pub(crate) fn new(policy: impl Policy) -> Self {
        Self {
            name: policy.name().into(),
            policy: Arc::new(policy),
        }
    }
}
