//! [`Fixture`]: what a backend provides for its tests.

use std::time::Duration;

use dcv_resolver_core::{
    Clock, LeaseToken, SessionRecord, SessionRegistry, SessionStore, Timestamp,
    testing::ManualClock,
};

/// Holds the sessions of one rule: a file in a temporary directory, a key prefix
/// on a server, a map.
///
/// Every rule creates a fixture with [`new`](Self::new) and drops it at the end.
/// Fixtures must not share sessions, because rules run at the same time and
/// count what they sweep and list.
pub trait Fixture: Sized + Send + Sync + 'static {
    /// The store under test.
    type Store: SessionStore;

    /// Creates a fixture without sessions.
    fn new() -> impl Future<Output = Self> + Send;

    /// Stores `records`, once and before the store is opened, under a lease that
    /// the rules do not know, or under none.
    ///
    /// A read-only backend writes its file here; a registry calls
    /// [`register_each`].
    fn seed(&self, records: &[SessionRecord]) -> impl Future<Output = ()> + Send;

    /// Opens a store on the fixture.
    ///
    /// Only two batteries call it again: `durability` after it has dropped the
    /// first store, and `shared` while the first store is open.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Returns the time at which a rule starts; later times are counted from it.
    /// Default: 2030-01-01T00:00:00Z.
    fn t0(&self) -> Timestamp {
        ManualClock::default().now()
    }

    /// Returns how long a store may return the state from before a change that
    /// was made through another store. The `shared` battery waits exactly this
    /// long before it looks for a change. Default: zero.
    fn max_staleness(&self) -> Duration {
        Duration::ZERO
    }
}

/// Registers each of `records` at `now`: the [`Fixture::seed`] of a registry.
///
/// # Panics
/// Panics if a record cannot be registered.
pub async fn register_each<S: SessionRegistry>(
    store: &S,
    records: &[SessionRecord],
    now: Timestamp,
) {
    let token = LeaseToken::from_bytes(*b"seeded by a rule");
    for record in records {
        store.register(record, &token, now).await.unwrap();
    }
}
