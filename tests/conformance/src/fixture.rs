//! [`Fixture`]: what a backend provides for its tests.

use std::time::Duration;

use dcv_resolver_core::{
    ChangeSource, Clock, LeaseToken, SessionId, SessionRecord, SessionRegistry, SessionStore,
    Timestamp, testing::ManualClock,
};

/// A place for the sessions of one rule, such as a file in a temporary
/// directory, a key prefix on a server, or a map.
///
/// Every rule creates a fixture with [`new`](Self::new) and ends it with
/// [`close`](Self::close). Fixtures must not share sessions, because rules run at
/// the same time and count what they sweep and list.
///
/// Methods panic when they fail. If `new` panics, its message is reported after
/// "the fixture cannot be set up", so an `expect` that names what is missing is
/// enough.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fixture",
    note = "implement `dcv_resolver_conformance::Fixture` for it; `conformance!` takes the fixture, not the store"
)]
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
    /// Only some rules call it again: those of `durability` after they have
    /// dropped the first store, those of `shared` and `changes_registry` while
    /// the first store is open.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Removes what the fixture has created, such as a schema in a database.
    /// This is called at the end of the rule, whether or not the rule is
    /// broken. The default drops the fixture.
    fn close(self) -> impl Future<Output = ()> + Send {
        async { drop(self) }
    }

    /// Returns the time at which a rule starts; later times are counted from
    /// it. The default is 2030-01-01T00:00:00Z.
    fn t0(&self) -> Timestamp {
        ManualClock::default().now()
    }

    /// Returns how long a store may return the state from before a change that
    /// was made through another store. The `shared` battery waits exactly this
    /// long before it looks for a change. The default is zero.
    fn max_staleness(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns how long a rule waits for what the store does in the background:
    /// noticing an outage or its end, and reporting a change. A store that
    /// takes longer breaks the rule. The default is 30 s.
    fn timeout(&self) -> Duration {
        Duration::from_secs(30)
    }
}

/// A fixture that can cut its stores off from their sessions, for the batteries
/// of outages and changes: it closes the connections of a proxy, stops a server,
/// or moves a file away.
#[diagnostic::on_unimplemented(
    message = "the fixture `{Self}` cannot cause an outage",
    note = "implement `dcv_resolver_conformance::OutageFixture` for it: `cut` and `restore`"
)]
pub trait OutageFixture: Fixture {
    /// Cuts off every store that is open or will be opened. No session is lost.
    fn cut(&self) -> impl Future<Output = ()> + Send;

    /// Ends the outage.
    fn restore(&self) -> impl Future<Output = ()> + Send;
}

/// A fixture whose sessions change from elsewhere, for the battery `changes`.
#[diagnostic::on_unimplemented(
    message = "the fixture `{Self}` cannot change its sessions",
    note = "implement `dcv_resolver_conformance::ChangingFixture` for it: `set` and `remove`"
)]
pub trait ChangingFixture: OutageFixture<Store: ChangeSource> {
    /// Stores `record` as another process would, over the record of its id if
    /// there is one. It is visible to a `lookup` when this returns.
    ///
    /// A registry calls [`register_each`] on another store.
    fn set(&self, record: &SessionRecord) -> impl Future<Output = ()> + Send;

    /// Removes a record that was [set](Self::set), as another process would.
    ///
    /// A registry calls [`deregister`] on another store.
    fn remove(&self, id: &SessionId) -> impl Future<Output = ()> + Send;
}

const TOKEN: LeaseToken = LeaseToken::from_bytes(*b"seeded by a rule");

/// Registers each of `records` at `now`, replacing what an earlier call
/// registered. A registry can use it for [`Fixture::seed`] and
/// [`ChangingFixture::set`].
///
/// # Panics
/// Panics if a record cannot be registered.
pub async fn register_each<S: SessionRegistry>(
    store: &S,
    records: &[SessionRecord],
    now: Timestamp,
) {
    for record in records {
        store.register(record, &TOKEN, now).await.unwrap();
    }
}

/// Removes a record that [`register_each`] has registered. A registry can use
/// it for [`ChangingFixture::remove`].
///
/// # Panics
/// Panics if there is no such record, or it cannot be removed.
pub async fn deregister<S: SessionRegistry>(store: &S, id: &SessionId) {
    assert!(store.deregister(id, &TOKEN).await.unwrap(), "{id:?}");
}

/// Waits until the answers from before a change are no longer allowed.
pub(crate) async fn wait_max_staleness(fixture: &impl Fixture) {
    let bound = fixture.max_staleness();
    if !bound.is_zero() {
        tokio::time::sleep(bound).await;
    }
}
