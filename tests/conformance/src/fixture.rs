//! [`Fixture`]: what a backend gives to be tested.

use std::time::Duration;

use dcv_resolver_core::{
    Clock, LeaseToken, SessionRecord, SessionRegistry, SessionStore, Timestamp,
    testing::ManualClock,
};

/// A place for the sessions of one rule: a file in a temporary folder, a key
/// prefix on a server, a map.
///
/// Every rule makes a place of its own with [`new`](Self::new) and drops it at
/// the end. Places must not share sessions, because a rule counts what it
/// sweeps and lists, and rules run at the same time.
pub trait Fixture: Sized + Send + Sync + 'static {
    /// What is tested.
    type Store: SessionStore;

    /// A new place without sessions.
    fn new() -> impl Future<Output = Self> + Send;

    /// Puts `records` into the place, once and before it is opened, under a
    /// lease that the rules do not know, or under none.
    ///
    /// A read-only backend writes its file here; a registry calls
    /// [`register_each`].
    fn seed(&self, records: &[SessionRecord]) -> impl Future<Output = ()> + Send;

    /// Opens a store on the place.
    ///
    /// Only the `durability` battery opens again, after it has dropped the
    /// first store, and the `shared` battery, while the first store is open.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// The time at which a rule starts, 2030-01-01T00:00:00Z unless
    /// overridden; later times are counted from it.
    fn t0(&self) -> Timestamp {
        ManualClock::default().now()
    }

    /// How old what a store answers may be, as to changes that are made through
    /// another; zero unless overridden. The `shared` battery waits so long
    /// before it looks for a change, and not a moment longer.
    fn max_staleness(&self) -> Duration {
        Duration::ZERO
    }
}

/// Registers each of `records` at `now`: a registry's [`Fixture::seed`].
///
/// # Panics
///
/// When `store` refuses a record.
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
