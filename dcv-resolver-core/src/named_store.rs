//! [`NamedStore`]: a store and its name.

use std::fmt;
use std::sync::Arc;

use crate::SessionStore;

/// A store of a [`Resolver`](crate::Resolver), and its name in logs and
/// metrics.
///
/// Clones are the same store. A service that builds a new resolver, such as
/// after a reload of its configuration, keeps its stores by keeping these.
#[derive(Clone)]
pub struct NamedStore {
    name: Arc<str>,
    store: Arc<dyn SessionStore>,
}

impl NamedStore {
    /// Names a store. The name must contain no secret.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, store: impl SessionStore) -> Self {
        Self {
            name: name.into(),
            store: Arc::new(store),
        }
    }

    /// Returns the store's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }
}

/// Shows the name only: a store may print all of its sessions.
impl fmt::Debug for NamedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedStore").field(&self.name).finish()
    }
}
