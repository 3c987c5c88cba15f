//! [`ResolveProgress`]: which store and which policy a request has reached.

use std::sync::Arc;
use std::time::Duration;

use crate::SessionRecord;

/// The progress of a request through a [`Resolver`](crate::Resolver): which
/// store and which policy it has reached.
///
/// It is valid after the future was dropped as well as after it completed, so a
/// caller with a time limit can see which store or policy the request was
/// waiting for.
///
/// ```
/// use dcv_resolver_core::testing::{Reply, ScriptedStore};
/// use dcv_resolver_core::{
///     MemoryStore, ResolveProgress, ResolveRequest, Resolver, StoreErrorKind, Transport,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let resolver = Resolver::builder()
///     .store("agents", MemoryStore::new())
///     .store("by_hand", ScriptedStore::always(Reply::Hang))
///     .build()?;
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
///
/// let mut progress = ResolveProgress::default();
/// let resolving = resolver.resolve_with_progress(&request, &mut progress);
/// # tokio::time::pause();
/// let limit = std::time::Duration::from_millis(200);
/// assert!(tokio::time::timeout(limit, resolving).await.is_err());
/// assert_eq!(progress.store().map(|name| &**name), Some("by_hand"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ResolveProgress {
    store: Option<Arc<str>>,
    policy: Option<Arc<str>>,
    record: Option<SessionRecord>,
}

impl ResolveProgress {
    /// Returns the name of the store that holds the session, that failed, or
    /// that was being asked. Returns `None` if no store holds the session, or
    /// if none has been asked yet.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<str>> {
        self.store.as_ref()
    }

    /// Returns the name of the policy that denied, that failed, or that was
    /// being asked. Returns `None` if every policy allowed the request, or if
    /// none has been asked yet.
    #[must_use]
    pub fn policy(&self) -> Option<&Arc<str>> {
        self.policy.as_ref()
    }

    /// Returns the record that decides, if a store holds one.
    #[must_use]
    pub fn record(&self) -> Option<&SessionRecord> {
        self.record.as_ref()
    }

    /// Returns the [age](SessionRecord::stale_age) of the record that decides,
    /// if a cache returned it because its store failed.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.record()?.stale_age()
    }

    pub(crate) fn set_store(&mut self, name: Option<&Arc<str>>) {
        self.store = name.cloned();
    }

    pub(crate) fn set_policy(&mut self, name: Option<&Arc<str>>) {
        self.policy = name.cloned();
    }

    pub(crate) fn set_record(&mut self, record: &SessionRecord) {
        self.record = Some(record.clone());
    }
}
