//! [`Resolver`]: looks a session up and checks its record against the rules.

use std::fmt;
use std::sync::Arc;

use crate::named_policy::NamedPolicy;
use crate::{
    Clock, NamedStore, NotFound, Outcome, ResolveError, ResolveProgress, ResolveRequest,
    SessionRecord, SessionStore, SystemClock, Verdict, rules,
};

/// A resolver that answers requests from one or more [`SessionStore`]s.
///
/// The resolver checks all rules; stores check none. Cloning is cheap; clones
/// share the stores, the policies and the clock.
///
/// # Several stores
///
/// - **The first store that holds the session decides**, even if its record is
///   expired and a later store has a live one.
/// - **A failing store ends the request with its error.** A later store may
///   hold the session too, but answering from there would send users to
///   another server for as long as the outage lasts.
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
/// assert_eq!(resolver.resolve(&request).await?.reason(), Some("expired"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Resolver {
    /// Never empty.
    stores: Arc<[NamedStore]>,
    policies: Arc<[NamedPolicy]>,
    clock: Arc<dyn Clock>,
}

impl Resolver {
    /// Creates a resolver for one store, named `store`, with the system's
    /// clock.
    ///
    /// An [`Arc`] of a store is a store too: pass a clone of it, and keep the
    /// original to register sessions.
    #[must_use]
    pub fn new(store: impl SessionStore) -> Self {
        let store = NamedStore::new("store", store);
        Self::from_parts(vec![store], Vec::new(), Arc::new(SystemClock))
    }

    /// `stores` must not be empty.
    pub(crate) fn from_parts(
        stores: Vec<NamedStore>,
        policies: Vec<NamedPolicy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            stores: stores.into(),
            policies: policies.into(),
            clock,
        }
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the stores, in the order in which they are asked.
    #[must_use]
    pub fn stores(&self) -> &[NamedStore] {
        &self.stores
    }

    pub(crate) fn policies(&self) -> &[NamedPolicy] {
        &self.policies
    }

    /// Returns the clock that decides what has expired.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Looks the session up and checks its record: known, live, ready,
    /// transport offered, allowed by each policy, in this order. The first rule
    /// that the record breaks is the reason why there is no destination.
    ///
    /// The clock is read once, after the store has answered: a record that
    /// expires during the lookup counts as expired. The clock is not read for a
    /// record that never expires.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] when a store or a policy failed, or with
    /// [`CorruptRecord`](crate::StoreErrorKind::CorruptRecord) when a store
    /// returned the record of another session.
    pub async fn resolve(&self, request: &ResolveRequest) -> Result<Outcome, ResolveError> {
        self.resolve_with_progress(request, &mut ResolveProgress::default())
            .await
    }

    /// [Resolves](Self::resolve), and records in `progress` which store and
    /// which policy the request has reached.
    ///
    /// You may drop the future at any time, such as at a time limit: `progress`
    /// then names the store or policy that was being called. Each call resets
    /// it.
    ///
    /// # Errors
    ///
    /// See [`resolve`](Self::resolve).
    pub async fn resolve_with_progress(
        &self,
        request: &ResolveRequest,
        progress: &mut ResolveProgress,
    ) -> Result<Outcome, ResolveError> {
        *progress = ResolveProgress::default();
        let Some(record) = self.lookup(request, progress).await? else {
            return Ok(Outcome::NotFound(NotFound::Unknown));
        };
        let resolution = match rules::all(record, request.transport(), self.clock()) {
            Ok(resolution) => resolution,
            Err(not_found) => return Ok(Outcome::NotFound(not_found)),
        };
        for NamedPolicy { name, policy } in &*self.policies {
            progress.set_policy(Some(name));
            let verdict = policy
                .check(request, resolution.record())
                .await
                .map_err(|source| ResolveError::Policy {
                    policy: Arc::clone(name),
                    source,
                })?;
            if let Verdict::Deny(denial) = verdict {
                let policy = Arc::clone(name);
                return Ok(Outcome::NotFound(NotFound::Denied { policy, denial }));
            }
        }
        progress.set_policy(None);
        Ok(Outcome::Found(resolution))
    }

    /// Returns the record of the first store that holds the session.
    async fn lookup(
        &self,
        request: &ResolveRequest,
        progress: &mut ResolveProgress,
    ) -> Result<Option<SessionRecord>, ResolveError> {
        for named in &*self.stores {
            progress.set_store(Some(named.name()));
            let failed = |source| ResolveError::Store {
                store: Arc::clone(named.name()),
                source,
            };
            let found = named.store().lookup(request.session_id()).await;
            if let Some(record) = found.map_err(failed)? {
                rules::check_identity(request, &record).map_err(failed)?;
                progress.set_record(&record);
                return Ok(Some(record));
            }
        }
        progress.set_store(None);
        Ok(None)
    }

    /// Returns whether every store could answer a lookup now.
    ///
    /// # Errors
    ///
    /// [`ResolveError::Store`] for the first store that could not.
    pub async fn ping(&self) -> Result<(), ResolveError> {
        for named in &*self.stores {
            let pinged = named.store().ping().await;
            pinged.map_err(|source| ResolveError::Store {
                store: Arc::clone(named.name()),
                source,
            })?;
        }
        Ok(())
    }
}

/// Shows the names of the stores and the policies.
impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<_> = self.stores.iter().map(NamedStore::name).collect();
        let policies: Vec<_> = self.policies.iter().map(|named| &named.name).collect();
        f.debug_struct("Resolver")
            .field("stores", &stores)
            .field("policies", &policies)
            .field("clock", &self.clock)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{ManualClock, PolicyReply, Reply, ScriptedPolicy, ScriptedStore};
    use crate::{
        Denial, Expiry, MemoryStore, PolicyErrorKind, SessionRecordBuilder, SessionState,
        StoreErrorKind, Timestamp, Transport,
    };

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
    async fn live_ready_session_is_found_on_the_transport_it_offers() {
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
    async fn state_other_than_ready_is_the_reason() {
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
    async fn first_broken_rule_is_the_reason() {
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
    async fn record_is_live_until_the_millisecond_before_its_expiry() {
        let now = ManualClock::default().now();
        let next_ms = now.saturating_add(Duration::from_millis(1));
        let record = http_only().expiry(Expiry::At(next_ms));
        assert!(matches!(
            resolve(record, Transport::Http).await,
            Outcome::Found(_)
        ));
    }

    #[tokio::test]
    async fn clock_is_not_read_for_a_record_that_never_expires() {
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
    async fn failing_store_is_an_error_and_not_an_absence() {
        let store = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(
            error.store_error().unwrap().kind(),
            StoreErrorKind::Unavailable
        );
    }

    #[tokio::test]
    async fn record_of_another_session_is_an_error() {
        let record = http_only().build().unwrap();
        let store = ScriptedStore::always(Reply::Record(record));
        let resolver = Resolver::new(store);
        let request = ResolveRequest::new("S".parse().unwrap(), Transport::Http);
        let error = resolver.resolve(&request).await.unwrap_err();
        assert_eq!(
            error.store_error().unwrap().kind(),
            StoreErrorKind::CorruptRecord
        );
    }

    #[tokio::test]
    async fn arc_of_a_store_is_a_store() {
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

    /// Returns the outcome of two stores with these replies, and the store that
    /// decided it.
    async fn through(replies: [Reply; 2]) -> (Result<Outcome, StoreErrorKind>, Option<String>) {
        let [first, second] = replies.map(ScriptedStore::always);
        let resolver = Resolver::builder()
            .store("first", first)
            .store("second", second)
            .clock(ManualClock::default())
            .build()
            .unwrap();
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let mut progress = ResolveProgress::default();
        let outcome = resolver
            .resolve_with_progress(&request, &mut progress)
            .await;
        let outcome = outcome.map_err(|error| {
            assert_eq!(error.store(), progress.store().map(|name| &**name));
            error.store_error().unwrap().kind()
        });
        (outcome, progress.store().map(ToString::to_string))
    }

    #[tokio::test]
    async fn first_store_that_holds_the_session_decides() {
        let live = || Reply::Record(http_only().build().unwrap());
        let expired_at = ManualClock::default().now();
        let expired = http_only().expiry(Expiry::At(expired_at)).build().unwrap();
        let unavailable = StoreErrorKind::Unavailable;
        let found = Ok(Outcome::Found(
            crate::Resolution::new(http_only().build().unwrap(), Transport::Http).unwrap(),
        ));
        for (replies, outcome, store) in [
            ([live(), Reply::Absent], found.clone(), Some("first")),
            ([Reply::Absent, live()], found.clone(), Some("second")),
            // A store behind one that holds the session is not asked.
            ([live(), Reply::Hang], found, Some("first")),
            (
                [Reply::Record(expired), live()],
                Ok(Outcome::NotFound(NotFound::Expired { expired_at })),
                Some("first"),
            ),
            (
                [Reply::Absent, Reply::Absent],
                Ok(Outcome::NotFound(NotFound::Unknown)),
                None,
            ),
            (
                [Reply::Fail(unavailable), live()],
                Err(unavailable),
                Some("first"),
            ),
            (
                [Reply::Absent, Reply::Fail(unavailable)],
                Err(unavailable),
                Some("second"),
            ),
        ] {
            assert_eq!(through(replies).await, (outcome, store.map(str::to_owned)));
        }
    }

    #[tokio::test]
    async fn progress_has_the_stale_age_whatever_the_outcome() {
        let age = Duration::from_secs(61);
        for transport in [Transport::Http, Transport::Quic] {
            let fresh = http_only().build().unwrap();
            for (record, expected) in [
                (fresh.clone(), None),
                (fresh.with_stale_age(age), Some(age)),
            ] {
                let resolver = Resolver::new(MemoryStore::from_iter([record]));
                let request = ResolveRequest::new("s".parse().unwrap(), transport);
                let mut progress = ResolveProgress::default();
                let resolving = resolver.resolve_with_progress(&request, &mut progress);
                resolving.await.unwrap();
                assert_eq!(progress.stale_age(), expected);
            }
        }
    }

    #[tokio::test]
    async fn progress_names_a_store_that_hangs() {
        let resolver = Resolver::builder()
            .store("before", MemoryStore::new())
            .store("hung", ScriptedStore::always(Reply::Hang))
            .store("after", MemoryStore::new())
            .build()
            .unwrap();
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let mut progress = ResolveProgress::default();
        let mut run = Box::pin(resolver.resolve_with_progress(&request, &mut progress));
        let waker = std::task::Waker::noop();
        let polled = run
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
        drop(run);
        assert_eq!(progress.store().map(|name| &**name), Some("hung"));
    }

    #[tokio::test]
    async fn ping_fails_when_any_store_fails() {
        let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let up = Resolver::builder().store("up", MemoryStore::new());
        let both = up.store("down", down).build().unwrap();
        let error = both.ping().await.unwrap_err();
        assert_eq!(error.store(), Some("down"));
    }

    fn policy(name: &str, reply: PolicyReply) -> ScriptedPolicy {
        ScriptedPolicy::always(name, reply)
    }

    async fn judged(
        record: SessionRecordBuilder,
        policies: [&ScriptedPolicy; 2],
    ) -> Result<Outcome, PolicyErrorKind> {
        let store = MemoryStore::from_iter([record.build().unwrap()]);
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let resolver = Resolver::builder()
            .policy(policies[0].clone())
            // Adding a store keeps the policies that were added before.
            .store("agents", store)
            .policy(policies[1].clone())
            .build()
            .unwrap();
        resolver.resolve(&request).await.map_err(|error| {
            assert_eq!(error.policy(), Some("down"));
            error.policy_error().unwrap().kind()
        })
    }

    #[tokio::test]
    async fn first_policy_that_denies_is_the_reason() {
        let denial = Denial::new("not today");
        let denied = Ok(Outcome::NotFound(NotFound::Denied {
            policy: "deny".into(),
            denial: denial.clone(),
        }));
        let allow = policy("allow", PolicyReply::Allow);
        let also = policy("also", PolicyReply::Allow);
        let deny = policy("deny", PolicyReply::Deny(denial));

        let found = judged(http_only(), [&allow, &also]).await;
        assert!(matches!(found, Ok(Outcome::Found(_))));
        assert_eq!(judged(http_only(), [&allow, &deny]).await, denied);
        assert_eq!(allow.checks(), 2);
        assert_eq!(judged(http_only(), [&deny, &allow]).await, denied);
        assert_eq!(allow.checks(), 2, "the first denial is the reason");
    }

    #[tokio::test]
    async fn failing_policy_is_an_error_and_not_a_denial() {
        let down = policy("down", PolicyReply::Fail(PolicyErrorKind::Unavailable));
        let allow = policy("allow", PolicyReply::Allow);
        assert_eq!(
            judged(http_only(), [&down, &allow]).await,
            Err(PolicyErrorKind::Unavailable)
        );
    }

    #[tokio::test]
    async fn policy_is_not_asked_about_a_session_that_is_not_ready() {
        let [one, two] = ["one", "two"].map(|name| policy(name, PolicyReply::Allow));
        let record = http_only().state(SessionState::Creating);
        let missed = judged(record, [&one, &two]).await;
        assert!(matches!(
            missed,
            Ok(Outcome::NotFound(NotFound::NotReady { .. }))
        ));
        assert_eq!(one.checks() + two.checks(), 0);
    }

    #[tokio::test]
    async fn progress_names_the_policy_that_denied_and_the_record() {
        let record = http_only().build().unwrap();
        let request = ResolveRequest::new("s".parse().unwrap(), Transport::Http);
        let deny = PolicyReply::Deny(Denial::new("not today"));
        let mut progress = ResolveProgress::default();
        for (reply, name) in [(deny, Some("hours")), (PolicyReply::Allow, None)] {
            let store = MemoryStore::from_iter([record.clone()]);
            let resolver = Resolver::builder().store("agents", store);
            let resolver = resolver.policy(policy("hours", reply)).build().unwrap();
            let resolving = resolver.resolve_with_progress(&request, &mut progress);
            resolving.await.unwrap();
            assert_eq!(progress.policy().map(|name| &**name), name);
            assert_eq!(progress.record(), Some(&record));
        }
    }

    #[test]
    fn debug_shows_names_and_no_sessions() {
        let store = MemoryStore::from_iter([http_only().build().unwrap()]);
        let resolver = Resolver::builder().store("agents", store).build().unwrap();
        let shown = format!("{resolver:?} {:?}", resolver.stores());
        assert!(
            shown.contains("agents") && !shown.contains("ws.example"),
            "{shown}"
        );
    }
}
