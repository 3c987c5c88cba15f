//! [`Resolver`]: judges what a store holds.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    Clock, NotFound, Outcome, Policy, ResolveRequest, SessionRecord, SessionStore, StoreError,
    StoreErrorKind, SystemClock, Verdict, rules,
};

/// Answers resolve requests from a [`SessionStore`].
///
/// All rules live here, and none in the stores. Cloning is cheap; clones share
/// the store and the clock.
///
/// # Unit-testing your rules
///
/// ```
/// use std::time::Duration;
/// use dcv_resolver_core::{testing::ManualClock, *};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = ManualClock::default();
/// let expiry = Expiry::At(clock.now().saturating_add(Duration::from_secs(60)));
/// let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, expiry);
/// let store = MemoryStore::from_iter([record.http_port(8443).build()?]);
/// let resolver = Resolver::new(store).with_clock(clock.clone());
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
///
/// assert!(matches!(resolver.resolve(&request).await?, Outcome::Found(_)));
/// clock.advance(Duration::from_secs(60));
/// assert!(matches!(resolver.resolve(&request).await?, Outcome::NotFound(NotFound::Expired { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Resolver {
    /// Never empty.
    stores: Arc<[NamedStore]>,
    store_names: Arc<str>,
    pub(crate) policies: Arc<[Arc<dyn Policy>]>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One store of a [`Resolver`], and its name for logs.
///
/// Clones are the same store: a service that builds a resolver anew, as for a
/// changed configuration, keeps its stores by keeping these.
#[derive(Debug, Clone)]
pub struct NamedStore {
    name: Arc<str>,
    store: Arc<dyn SessionStore>,
}

impl NamedStore {
    /// Gives `store` a name for logs, which must hold no secret.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, store: impl SessionStore) -> Self {
        Self {
            name: name.into(),
            store: Arc::new(store),
        }
    }

    /// The store's name for logs.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }
}

impl Resolver {
    /// A resolver over `store`, with the system's clock.
    ///
    /// An [`Arc`] of a store is a store too: pass a clone of it, and keep
    /// yours to register sessions with.
    #[must_use]
    pub fn new(store: impl SessionStore) -> Self {
        Self::over(vec![NamedStore::new("store", store)])
    }

    /// A resolver over `first` and then `others`, as
    /// [`then`](Self::then) says.
    ///
    /// ```
    /// use dcv_resolver_core::{MemoryStore, NamedStore, Resolver};
    ///
    /// let agents = NamedStore::new("agents", MemoryStore::new());
    /// let by_hand = NamedStore::new("by_hand", MemoryStore::new());
    /// let resolver = Resolver::chain(agents.clone(), [by_hand]);
    /// assert_eq!(resolver.store_name(), "agents,by_hand");
    ///
    /// // Another resolver over the same store, as after a reload:
    /// let resolver = Resolver::chain(agents, []);
    /// # assert_eq!(resolver.store_name(), "agents");
    /// ```
    #[must_use]
    pub fn chain(first: NamedStore, others: impl IntoIterator<Item = NamedStore>) -> Self {
        Self::over(std::iter::once(first).chain(others).collect())
    }

    fn over(stores: Vec<NamedStore>) -> Self {
        let names: Vec<&str> = stores.iter().map(|store| &*store.name).collect();
        Self {
            store_names: names.join(",").into(),
            stores: stores.into(),
            policies: Arc::new([]),
            clock: Arc::new(SystemClock),
        }
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Gives the first store a name for logs. It must hold no secret.
    #[must_use]
    pub fn with_store_name(self, name: impl Into<Arc<str>>) -> Self {
        let mut stores = self.stores.to_vec();
        if let Some(first) = stores.first_mut() {
            first.name = name.into();
        }
        self.with_stores(stores)
    }

    /// Asks `store` as well, when every store before it has answered that it
    /// does not hold the session. The name is for logs and must hold no secret.
    ///
    /// - **The first hit wins.** A store that holds the id decides, also when
    ///   its record is expired and a later store has a live one.
    /// - **A store error is never a miss.** A store that could not answer ends
    ///   the question with its error: a later store may hold the id too, and
    ///   answering from there would send users to another server for as long
    ///   as the outage lasts.
    ///
    /// ```
    /// use dcv_resolver_core::{MemoryStore, Resolver};
    ///
    /// let resolver = Resolver::new(MemoryStore::new())
    ///     .with_store_name("agents")
    ///     .then("by_hand", MemoryStore::new());
    /// assert_eq!(resolver.store_name(), "agents,by_hand");
    /// ```
    #[must_use]
    pub fn then(self, name: impl Into<Arc<str>>, store: impl SessionStore) -> Self {
        let mut stores = self.stores.to_vec();
        stores.push(NamedStore::new(name, store));
        self.with_stores(stores)
    }

    fn with_stores(self, stores: Vec<NamedStore>) -> Self {
        Self {
            policies: self.policies,
            clock: self.clock,
            ..Self::over(stores)
        }
    }

    /// Asks `policy` as well, when every rule and every policy before it lets
    /// the client through.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Policy) -> Self {
        let mut policies = self.policies.to_vec();
        policies.push(Arc::new(policy));
        self.policies = policies.into();
        self
    }

    /// The names of the stores for logs, in their order, joined by commas;
    /// `store` for one that has not been given a name.
    #[must_use]
    pub fn store_name(&self) -> &str {
        &self.store_names
    }

    /// The stores, in the order in which they are asked.
    #[must_use]
    pub fn stores(&self) -> &[NamedStore] {
        &self.stores
    }

    /// Looks the session up and judges it: known, live, ready, transport
    /// offered, allowed by each policy, in this order. The first that fails is
    /// the reason of the miss.
    ///
    /// The clock is read once, after the store has answered: a record that
    /// expires while the store is asked is expired. For one that never expires
    /// it is not read.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as the store or a policy returns it, when the question
    /// could not be answered; of kind `CorruptRecord` when the store answered
    /// with the record of another session.
    pub async fn resolve(&self, request: &ResolveRequest) -> Result<Outcome, StoreError> {
        self.begin(request).run().await
    }

    /// Like [`resolve`](Self::resolve), for callers who also want to know
    /// which store it came from, or hung at.
    #[must_use = "nothing happens until it runs"]
    pub fn begin<'a>(&'a self, request: &'a ResolveRequest) -> Resolving<'a> {
        Resolving {
            resolver: self,
            request,
            store: &self.store_names,
            stale_age: None,
        }
    }

    /// Whether every store could answer now.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as the first store returns it that could not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        for store in &*self.stores {
            store.store.ping().await?;
        }
        Ok(())
    }
}

/// One request on its way through a [`Resolver`].
///
/// ```
/// use dcv_resolver_core::{MemoryStore, ResolveRequest, Resolver, StoreErrorKind, Transport};
/// use dcv_resolver_core::testing::{Reply, ScriptedStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broken = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
/// let resolver = Resolver::new(MemoryStore::new())
///     .with_store_name("agents")
///     .then("by_hand", broken);
///
/// let request = ResolveRequest::new("console".parse()?, Transport::Http);
/// let mut resolving = resolver.begin(&request);
/// assert!(resolving.run().await.is_err());
/// assert_eq!(resolving.store(), "by_hand");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Resolving<'a> {
    resolver: &'a Resolver,
    request: &'a ResolveRequest,
    store: &'a str,
    stale_age: Option<Duration>,
}

impl<'a> Resolving<'a> {
    /// Resolves the request. Its future may be dropped at any time, when a
    /// time budget ends for instance.
    ///
    /// # Errors
    ///
    /// As of [`Resolver::resolve`].
    pub async fn run(&mut self) -> Result<Outcome, StoreError> {
        let Some(record) = self.lookup().await? else {
            return Ok(Outcome::NotFound(NotFound::Unknown));
        };
        let Resolver {
            policies, clock, ..
        } = self.resolver;
        let found = match rules::all(record, self.request.transport(), &**clock) {
            Ok(found) => found,
            Err(miss) => return Ok(Outcome::NotFound(miss)),
        };
        for policy in &**policies {
            if let Verdict::Deny(denial) = policy.judge(self.request, found.record()).await? {
                return Ok(Outcome::NotFound(NotFound::Denied(denial)));
            }
        }
        Ok(Outcome::Found(found))
    }

    /// The record of the first store that holds the session.
    async fn lookup(&mut self) -> Result<Option<SessionRecord>, StoreError> {
        for NamedStore { name, store } in &*self.resolver.stores {
            self.store = name;
            if let Some(record) = store.lookup(self.request.session_id()).await? {
                check_identity(self.request, &record)?;
                self.stale_age = record.stale_age();
                return Ok(Some(record));
            }
        }
        self.store = &self.resolver.store_names;
        Ok(None)
    }

    /// The name of the store that holds the session; of the one that failed,
    /// or was being asked when the future was dropped; of all of them, joined
    /// by commas, when none holds it, and before any is asked.
    #[must_use]
    pub fn store(&self) -> &'a str {
        self.store
    }

    /// The [age](SessionRecord::stale_age) of the record that decides, where it
    /// is from before its store failed.
    #[must_use]
    pub fn stale_age(&self) -> Option<Duration> {
        self.stale_age
    }
}

/// A store that compares ids by its own rules, or mixes up its answers, would
/// send a user to somebody else's desktop.
pub(crate) fn check_identity(
    request: &ResolveRequest,
    record: &SessionRecord,
) -> Result<(), StoreError> {
    if record.id() == request.session_id() {
        return Ok(());
    }
    let told = format!(
        "asked for session {:?}, the store answered with session {:?}",
        request.session_id(),
        record.id(),
    );
    Err(StoreError::new("resolver", StoreErrorKind::CorruptRecord).with_source(told))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{ManualClock, Reply, ScriptedStore};
    use crate::{Expiry, MemoryStore, SessionRecordBuilder, SessionState, Timestamp, Transport};

    fn http_only() -> SessionRecordBuilder {
        SessionRecord::builder(
            "s".parse().unwrap(),
            "ws.example".parse().unwrap(),
            Expiry::Never,
        )
        .http_port(8443)
    }

    async fn resolve(record: SessionRecordBuilder, transport: Transport) -> Outcome {
        let store = MemoryStore::from_iter([record.build().unwrap()]);
        Resolver::new(store)
            .with_clock(ManualClock::default())
            .resolve(&ResolveRequest::new("s".parse().unwrap(), transport))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_live_ready_session_is_found_on_the_transport_it_offers() {
        let Outcome::Found(found) = resolve(http_only(), Transport::Http).await else {
            panic!("not found");
        };
        assert_eq!(found.port(), 8443);
        assert_eq!(
            resolve(http_only(), Transport::Quic).await,
            Outcome::NotFound(NotFound::TransportNotOffered {
                transport: Transport::Quic
            })
        );
    }

    #[tokio::test]
    async fn every_state_but_ready_is_a_miss_that_names_it() {
        for state in [
            SessionState::Creating,
            SessionState::Deleting,
            SessionState::Unknown,
        ] {
            assert_eq!(
                resolve(http_only().state(state), Transport::Http).await,
                Outcome::NotFound(NotFound::NotReady { state })
            );
        }
    }

    #[tokio::test]
    async fn the_first_rule_that_fails_is_the_reason() {
        let expired_at = ManualClock::default().now();
        let record = http_only()
            .expiry(Expiry::At(expired_at))
            .state(SessionState::Creating);
        assert_eq!(
            resolve(record, Transport::Quic).await,
            Outcome::NotFound(NotFound::Expired { expired_at })
        );
        assert_eq!(
            resolve(http_only().state(SessionState::Creating), Transport::Quic).await,
            Outcome::NotFound(NotFound::NotReady {
                state: SessionState::Creating
            })
        );
    }

    #[tokio::test]
    async fn a_record_is_live_until_the_millisecond_before_its_expiry() {
        let now = ManualClock::default().now();
        let next_ms = now.saturating_add(Duration::from_millis(1));
        let record = http_only().expiry(Expiry::At(next_ms));
        assert!(matches!(
            resolve(record, Transport::Http).await,
            Outcome::Found(_)
        ));
    }

    #[tokio::test]
    async fn a_record_that_never_expires_needs_no_clock() {
        #[derive(Debug)]
        struct Stopped;

        impl Clock for Stopped {
            fn now(&self) -> Timestamp {
                panic!("the clock is read")
            }
        }

        let store = MemoryStore::from_iter([http_only().build().unwrap()]);
        let resolver = Resolver::new(store).with_clock(Stopped);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        assert!(matches!(
            resolver.resolve(&request).await.unwrap(),
            Outcome::Found(_)
        ));
    }

    #[tokio::test]
    async fn a_failing_store_is_an_error_and_no_miss() {
        let store = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn the_record_of_another_session_is_never_an_answer() {
        let record = http_only().build().unwrap();
        let store = ScriptedStore::always(Reply::Record(record));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("S".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::CorruptRecord);
    }

    #[tokio::test]
    async fn a_shared_store_resolves_too() {
        let store: Arc<dyn SessionStore> =
            Arc::new(MemoryStore::from_iter([http_only().build().unwrap()]));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        assert!(matches!(
            resolver.resolve(&request).await.unwrap(),
            Outcome::Found(_)
        ));
        resolver.ping().await.unwrap();
    }

    /// The outcome of a chain of stores that answer so, and which store it
    /// came from.
    async fn through(replies: [Reply; 2]) -> (Result<Outcome, StoreErrorKind>, String) {
        let [first, second] = replies.map(ScriptedStore::always);
        let resolver = Resolver::new(first)
            .with_store_name("first")
            .then("second", second)
            .with_clock(ManualClock::default());
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let mut resolving = resolver.begin(&request);
        let outcome = resolving.run().await.map_err(|error| error.kind());
        (outcome, resolving.store().to_owned())
    }

    #[tokio::test]
    async fn the_first_store_that_holds_the_session_decides() {
        let live = || Reply::Record(http_only().build().unwrap());
        let expired_at = ManualClock::default().now();
        let expired = http_only().expiry(Expiry::At(expired_at)).build().unwrap();
        let unavailable = StoreErrorKind::Unavailable;
        let found = Ok(Outcome::Found(
            crate::Resolution::new(http_only().build().unwrap(), Transport::Http).unwrap(),
        ));
        for (replies, outcome, store) in [
            ([live(), Reply::Absent], found.clone(), "first"),
            ([Reply::Absent, live()], found.clone(), "second"),
            // What comes after a hit is not asked, so it may be down.
            ([live(), Reply::Hang], found, "first"),
            (
                [Reply::Record(expired), live()],
                Ok(Outcome::NotFound(NotFound::Expired { expired_at })),
                "first",
            ),
            (
                [Reply::Absent, Reply::Absent],
                Ok(Outcome::NotFound(NotFound::Unknown)),
                "first,second",
            ),
            (
                [Reply::Fail(unavailable), live()],
                Err(unavailable),
                "first",
            ),
            (
                [Reply::Absent, Reply::Fail(unavailable)],
                Err(unavailable),
                "second",
            ),
        ] {
            assert_eq!(through(replies).await, (outcome, store.to_owned()));
        }
    }

    #[tokio::test]
    async fn whether_a_record_is_stale_is_told_whatever_comes_of_it() {
        let age = Duration::from_secs(61);
        for transport in [Transport::Http, Transport::Quic] {
            let fresh = http_only().build().unwrap();
            for (record, expected) in [
                (fresh.clone(), None),
                (fresh.with_stale_age(age), Some(age)),
            ] {
                let resolver = Resolver::new(MemoryStore::from_iter([record]));
                let request = ResolveRequest::new("s".parse().unwrap(), transport);
                let mut resolving = resolver.begin(&request);
                assert_eq!(resolving.stale_age(), None);
                resolving.run().await.unwrap();
                assert_eq!(resolving.stale_age(), expected);
            }
        }
    }

    #[tokio::test]
    async fn a_store_that_hangs_can_be_named() {
        let resolver = Resolver::new(MemoryStore::new())
            .then("hung", ScriptedStore::always(Reply::Hang))
            .then("after", MemoryStore::new());
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let mut resolving = resolver.begin(&request);
        let mut run = Box::pin(resolving.run());
        let waker = std::task::Waker::noop();
        let polled = run
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
        drop(run);
        assert_eq!(resolving.store(), "hung");
    }

    #[tokio::test]
    async fn a_ping_needs_every_store() {
        let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let resolver = Resolver::new(MemoryStore::new());
        resolver.ping().await.unwrap();
        assert!(resolver.then("down", down).ping().await.is_err());
    }

    /// Decides as it is told, and counts how often it is asked.
    #[derive(Debug, Clone)]
    struct Told(
        Result<Verdict, StoreErrorKind>,
        Arc<std::sync::atomic::AtomicUsize>,
    );

    impl Told {
        fn to(verdict: Result<Verdict, StoreErrorKind>) -> Self {
            Self(verdict, Arc::default())
        }

        fn asked(&self) -> usize {
            self.1.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    #[crate::async_trait]
    impl Policy for Told {
        fn name(&self) -> &str {
            "told"
        }

        async fn judge(
            &self,
            _: &ResolveRequest,
            _: &SessionRecord,
        ) -> Result<Verdict, StoreError> {
            self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            self.0.clone().map_err(|kind| StoreError::new("told", kind))
        }
    }

    async fn judged(
        record: SessionRecordBuilder,
        policies: [&Told; 2],
    ) -> Result<Outcome, StoreErrorKind> {
        let store = MemoryStore::from_iter([record.build().unwrap()]);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        Resolver::new(store)
            .with_policy(policies[0].clone())
            .with_policy(policies[1].clone())
            .resolve(&request)
            .await
            .map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn every_policy_must_let_the_client_through() {
        let denial = crate::Denial::new("not today");
        let denied = Ok(Outcome::NotFound(NotFound::Denied(denial.clone())));
        let allow = Told::to(Ok(Verdict::Allow));
        let deny = Told::to(Ok(Verdict::Deny(denial)));

        let found = judged(http_only(), [&allow, &allow]).await;
        assert!(matches!(found, Ok(Outcome::Found(_))));
        assert_eq!(judged(http_only(), [&allow, &deny]).await, denied);
        assert_eq!(allow.asked(), 3);
        assert_eq!(judged(http_only(), [&deny, &allow]).await, denied);
        assert_eq!(allow.asked(), 3, "the first denial is the reason");
    }

    #[tokio::test]
    async fn a_policy_that_cannot_tell_is_an_outage() {
        let down = Told::to(Err(StoreErrorKind::Unavailable));
        let allow = Told::to(Ok(Verdict::Allow));
        assert_eq!(
            judged(http_only(), [&down, &allow]).await,
            Err(StoreErrorKind::Unavailable)
        );
    }

    #[tokio::test]
    async fn a_session_that_is_not_ready_is_none_of_a_policys_business() {
        let policy = Told::to(Ok(Verdict::Allow));
        let record = http_only().state(SessionState::Creating);
        let missed = judged(record, [&policy, &policy]).await;
        assert!(matches!(
            missed,
            Ok(Outcome::NotFound(NotFound::NotReady { .. }))
        ));
        assert_eq!(policy.asked(), 0);
    }
}
