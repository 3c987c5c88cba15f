//! [`ResolverBuilder`]: builds a resolver.

use std::fmt;
use std::sync::Arc;

use crate::named_policy::NamedPolicy;
use crate::{Clock, NamedStore, Policy, Resolver, SessionStore, SystemClock};

/// A builder for a [`Resolver`] with several stores, or with policies.
///
/// ```
/// use dcv_resolver_core::{ClientNetworks, MemoryStore, Resolver, UnknownClient};
///
/// let resolver = Resolver::builder()
///     .store("agents", MemoryStore::new())
///     .store("by_hand", MemoryStore::new())
///     .policy(ClientNetworks::new(UnknownClient::Deny))
///     .build()?;
/// assert_eq!(&**resolver.stores()[1].name(), "by_hand");
/// # Ok::<(), dcv_resolver_core::BuildResolverError>(())
/// ```
#[derive(Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ResolverBuilder {
    stores: Vec<NamedStore>,
    policies: Vec<NamedPolicy>,
    clock: Option<Arc<dyn Clock>>,
}

// Here and not beside the resolver, so that the resolver does not depend on its
// builder.
impl Resolver {
    /// Returns a builder, for several stores or for one store with a name.
    pub fn builder() -> ResolverBuilder {
        ResolverBuilder::default()
    }
}

impl ResolverBuilder {
    /// Adds a store, which is called after those added before. The name is for
    /// logs and metrics, and must contain no secret.
    pub fn store(self, name: impl Into<Arc<str>>, store: impl SessionStore) -> Self {
        self.named_store(NamedStore::new(name, store))
    }

    /// Adds a store that already has a name, which is called after those added
    /// before.
    pub fn named_store(mut self, store: NamedStore) -> Self {
        self.stores.push(store);
        self
    }

    /// Adds a policy, which is checked after those added before.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policies.push(NamedPolicy::new(policy));
        self
    }

    /// Sets the clock. The default is the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Builds the resolver.
    ///
    /// # Errors
    ///
    /// [`BuildResolverError`] when there is no store, or two stores or two
    /// policies have the same name.
    pub fn build(self) -> Result<Resolver, BuildResolverError> {
        if self.stores.is_empty() {
            return Err(BuildResolverError::NoStore);
        }
        if let Some(name) = duplicate(self.stores.iter().map(NamedStore::name)) {
            return Err(BuildResolverError::DuplicateStore { name });
        }
        if let Some(name) = duplicate(self.policies.iter().map(|named| &named.name)) {
            return Err(BuildResolverError::DuplicatePolicy { name });
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        Ok(Resolver::from_parts(self.stores, self.policies, clock))
    }
}

impl fmt::Debug for ResolverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverBuilder")
            .field("stores", &self.stores)
            .finish_non_exhaustive()
    }
}

/// Returns a name that occurs more than once.
fn duplicate<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> Option<Arc<str>> {
    let mut seen: Vec<&Arc<str>> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Some(Arc::clone(name));
        }
        seen.push(name);
    }
    None
}

/// An error that occurs when a [`Resolver`] could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildResolverError {
    /// There is no store.
    #[error("a resolver needs a store; add one")]
    NoStore,
    /// Two stores have the same name.
    #[error("two stores are named {name:?}; rename one")]
    DuplicateStore {
        /// The name.
        name: Arc<str>,
    },
    /// Two policies have the same name.
    #[error("two policies are named {name:?}; rename one")]
    DuplicatePolicy {
        /// The name.
        name: Arc<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientNetworks, MemoryStore, UnknownClient};

    fn builder() -> ResolverBuilder {
        Resolver::builder().store("a", MemoryStore::new())
    }

    #[test]
    fn resolver_without_a_store_is_refused() {
        let built = Resolver::builder().build();
        assert_eq!(built.unwrap_err(), BuildResolverError::NoStore);
    }

    #[test]
    fn two_stores_of_one_name_are_refused() {
        let built = builder().store("a", MemoryStore::new()).build();
        let error = built.unwrap_err();
        let name = "a".into();
        assert_eq!(error, BuildResolverError::DuplicateStore { name });
        assert_eq!(error.to_string(), "two stores are named \"a\"; rename one");
    }

    #[test]
    fn two_policies_of_one_name_are_refused() {
        let policy = || ClientNetworks::new(UnknownClient::Deny);
        let built = builder().policy(policy()).policy(policy()).build();
        let name = "client_networks".into();
        assert_eq!(
            built.unwrap_err(),
            BuildResolverError::DuplicatePolicy { name }
        );
    }
}
