//! [`Explainer`]: explains how a request is resolved.

use std::fmt;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::named_policy::NamedPolicy;
use crate::suggestions::{Nearest, SearchKey};
use crate::{
    BoxFuture, Conclusion, Explanation, NotFound, PageToken, ResolveError, ResolveRequest,
    Resolver, RuleKind, RuleResult, RuleStep, SessionId, SessionListing, SessionRecord,
    StoreResult, StoreStep, Timestamp, Verdict, rules,
};

/// A tool that explains step by step how a [`Resolver`] answers a request.
///
/// It calls every store and checks every rule, including those that the
/// resolver does not reach. An explanation is for operators, not for the
/// gateway: it contains host names, other sessions and driver errors.
///
/// ```
/// use std::sync::Arc;
/// use dcv_resolver_core::{
///     Explainer, Expiry, MemoryStore, ResolveRequest, Resolver, SessionRecord, Transport,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let record = SessionRecord::builder("console".parse()?, "ws-17.dcv.example".parse()?, Expiry::Never)
///     .http_port(8443)
///     .build()?;
/// let store = Arc::new(MemoryStore::from_iter([record]));
/// let resolver = Resolver::builder().store("by_hand", Arc::clone(&store)).build()?;
/// let explainer = Explainer::new(resolver).with_listing("by_hand", store);
///
/// let request = ResolveRequest::new("Console".parse()?, Transport::Http);
/// let explanation = explainer.explain(&request).await;
/// assert_eq!(explanation.did_you_mean[0].session_id.as_str(), "console");
/// println!("{explanation}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Explainer {
    resolver: Resolver,
    listings: Vec<(Arc<str>, Arc<dyn SessionListing>)>,
    yield_now: fn() -> BoxFuture<'static, ()>,
}

impl Explainer {
    /// Creates an explainer for the answers of `resolver`.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            listings: Vec::new(),
            yield_now: || Box::pin(yield_now()),
        }
    }

    /// Adds a listing in which to search for suggestions. At most its first
    /// 100,000 sessions are searched. Without a listing, only a few other
    /// spellings of the id are looked up.
    #[must_use]
    pub fn with_listing(
        mut self,
        name: impl Into<Arc<str>>,
        store: Arc<dyn SessionListing>,
    ) -> Self {
        self.listings.push((name.into(), store));
        self
    }

    /// Sets the function with which the search for suggestions yields to other
    /// tasks: the one of the runtime, such as `tokio::task::yield_now`. A
    /// runtime polls its sockets before it resumes a task that yields this way.
    /// Without this function, it may resume the task dozens of times first.
    #[must_use]
    pub fn with_yield(mut self, yield_now: fn() -> BoxFuture<'static, ()>) -> Self {
        self.yield_now = yield_now;
        self
    }

    /// Returns the resolver whose answers are explained.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Returns the listings that are searched for suggestions, with the names of
    /// their stores.
    pub fn listings(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<dyn SessionListing>)> {
        self.listings.iter().map(|(name, listing)| (name, listing))
    }

    /// Explains one request. The failure of a store or a policy is part of the
    /// explanation.
    ///
    /// This takes as long as all stores and policies together, plus the search
    /// for suggestions: see [`explain_until`](Self::explain_until).
    pub async fn explain(&self, request: &ResolveRequest) -> Explanation {
        self.explain_until(request, std::future::pending()).await
    }

    /// [Explains](Self::explain) one request, and ends the search for
    /// suggestions when `enough` completes. Pass a timer, because searching a
    /// slow store takes long.
    ///
    /// The search yields to other tasks after a few microseconds of work. It
    /// may nevertheless occupy a whole thread of the runtime, so limit how many
    /// searches run at the same time.
    ///
    /// `enough` does not limit the calls to stores and policies; the caller
    /// must do that.
    pub async fn explain_until(
        &self,
        request: &ResolveRequest,
        enough: impl Future<Output = ()>,
    ) -> Explanation {
        let (stores, decisive) = self.ask_stores(request).await;
        let now = self.resolver.clock().now();
        let is_unknown = matches!(decisive, Ok(None));
        let (rules, conclusion) = match decisive {
            Ok(Some(record)) => self.ask_rules(request, &record, now).await,
            Ok(None) => (Vec::new(), Conclusion::not_found(&NotFound::Unknown)),
            Err(error) => (Vec::new(), Conclusion::error(&error)),
        };
        let mut nearest = Nearest::default();
        let is_complete = if is_unknown {
            let key = SearchKey::new(request.session_id());
            let searching = self.search(&key, &mut nearest);
            until(enough, searching).await.unwrap_or(false)
        } else {
            true
        };
        Explanation {
            session_id: request.session_id().clone(),
            transport: request.transport(),
            client_ip: request.client_ip(),
            now,
            stores,
            rules,
            conclusion,
            did_you_mean: nearest.into_suggestions(),
            search_truncated: !is_complete,
        }
    }

    /// Asks every store; also returns the result of the first that holds the
    /// session or fails.
    async fn ask_stores(
        &self,
        request: &ResolveRequest,
    ) -> (Vec<StoreStep>, Result<Option<SessionRecord>, ResolveError>) {
        let mut steps = Vec::new();
        let mut decisive = Ok(None);
        for named in self.resolver.stores() {
            let mut found = named.store().lookup(request.session_id()).await;
            if let Ok(Some(record)) = &found
                && let Err(error) = rules::check_identity(request, record)
            {
                found = Err(error);
            }
            let result = match &found {
                Ok(None) => StoreResult::Absent,
                Ok(Some(record)) => StoreResult::holds(record.clone()),
                Err(error) => StoreResult::Failed {
                    error: error.chain().to_string(),
                },
            };
            let decides = matches!(decisive, Ok(None)) && !matches!(found, Ok(None));
            if decides {
                decisive = found.map_err(|source| ResolveError::Store {
                    store: Arc::clone(named.name()),
                    source,
                });
            }
            let generated_by = match &result {
                StoreResult::Holds { record, .. } => self.generated_by(named.name(), record.id()),
                StoreResult::Absent | StoreResult::Failed { .. } => None,
            };
            steps.push(StoreStep {
                store: named.name().to_string(),
                decides,
                generated_by,
                result,
            });
        }
        (steps, decisive)
    }

    fn generated_by(&self, store: &str, id: &SessionId) -> Option<String> {
        let mut listings = self.listings.iter();
        let (_, listing) = listings.find(|(name, _)| **name == *store)?;
        listing.generated_by(id)
    }

    /// Checks every rule and every policy; the first one that does not let the
    /// client pass determines the conclusion.
    async fn ask_rules(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
        now: Timestamp,
    ) -> (Vec<RuleStep>, Conclusion) {
        let offered = rules::offers(record.clone(), request.transport());
        let mut steps = RuleSteps::default();
        steps.add_rule("live", rules::is_live(record, now));
        steps.add_rule("ready", rules::is_ready(record));
        steps.add_rule("transport_offered", offered.clone().map(drop));
        for NamedPolicy { name, policy } in self.resolver.policies() {
            let result = match policy.check(request, record).await {
                Ok(Verdict::Allow) => Ok(Ok(())),
                Ok(Verdict::Deny(denial)) => Ok(Err(NotFound::Denied {
                    policy: Arc::clone(name),
                    denial,
                })),
                Err(source) => Err(ResolveError::Policy {
                    policy: Arc::clone(name),
                    source,
                }),
            };
            steps.add(RuleKind::Policy, name, result);
        }
        let conclusion = match (steps.conclusion, offered) {
            (Some(conclusion), _) => conclusion,
            (None, Ok(answer)) => Conclusion::Found { answer },
            (None, Err(not_found)) => Conclusion::not_found(&not_found),
        };
        (steps.steps, conclusion)
    }

    /// Collects the sessions nearest to `key`; returns whether all were
    /// compared.
    async fn search(&self, key: &SearchKey<'_>, nearest: &mut Nearest) -> bool {
        for spelling in key.other_spellings() {
            for named in self.resolver.stores() {
                // A store that fails here has failed above as well.
                if let Ok(Some(record)) = named.store().lookup(&spelling).await {
                    nearest.compare(key, &record, named.name());
                }
            }
        }
        let mut all = true;
        for (name, store) in &self.listings {
            let compare = |record: &_| nearest.compare(key, record, name);
            all &= compare_all(&**store, compare, self.yield_now).await;
        }
        all
    }
}

/// Shows the resolver and the names of the listings.
impl fmt::Debug for Explainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listings: Vec<_> = self.listings.iter().map(|(name, _)| name).collect();
        f.debug_struct("Explainer")
            .field("resolver", &self.resolver)
            .field("listings", &listings)
            .finish()
    }
}

/// Returns the result of `work`, unless `enough` completes first.
async fn until<T>(enough: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut enough, mut work) = (pin!(enough), pin!(work));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => enough.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Compares the records of `store` up to a limit; returns whether all were
/// compared.
async fn compare_all(
    store: &dyn SessionListing,
    mut compare: impl FnMut(&SessionRecord),
    yield_now: fn() -> BoxFuture<'static, ()>,
) -> bool {
    const MAX_RECORDS: usize = 100_000;
    // An in-memory store copies a page without yielding.
    const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(128).unwrap();
    // A few microseconds of work: a request that arrives in between waits as
    // long.
    const RECORDS_BETWEEN_YIELDS: usize = 16;

    let mut compared = 0;
    let mut next: Option<PageToken> = None;
    while compared < MAX_RECORDS {
        let Ok(page) = store.list(next.as_ref(), PAGE_SIZE).await else {
            return false;
        };
        yield_now().await;
        for records in page.records.chunks(RECORDS_BETWEEN_YIELDS) {
            records.iter().for_each(&mut compare);
            yield_now().await;
        }
        compared += page.records.len();
        next = page.next;
        if next.is_none() {
            return true;
        }
    }
    false
}

/// Lets the runtime run other tasks, without depending on any particular
/// runtime.
async fn yield_now() {
    let mut has_yielded = false;
    std::future::poll_fn(|cx| {
        if has_yielded {
            return Poll::Ready(());
        }
        has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The rules and policies asked so far.
#[derive(Default)]
struct RuleSteps {
    steps: Vec<RuleStep>,
    /// The conclusion of the first step that did not let the client pass.
    conclusion: Option<Conclusion>,
}

impl RuleSteps {
    fn add_rule(&mut self, rule: &str, result: Result<(), NotFound>) {
        self.add(RuleKind::Rule, rule, Ok(result));
    }

    fn add(
        &mut self,
        kind: RuleKind,
        rule: &str,
        result: Result<Result<(), NotFound>, ResolveError>,
    ) {
        let (result, conclusion) = match result {
            Ok(Ok(())) => (RuleResult::Passes, None),
            Ok(Err(not_found)) => {
                let detail = not_found.to_string();
                let conclusion = Conclusion::not_found(&not_found);
                (RuleResult::Refuses { detail }, Some(conclusion))
            }
            Err(error) => {
                let why = error.policy_error().map(|error| error.chain().to_string());
                let result = RuleResult::Failed {
                    error: why.unwrap_or_else(|| error.chain().to_string()),
                };
                (result, Some(Conclusion::error(&error)))
            }
        };
        self.steps.push(RuleStep {
            kind,
            rule: rule.to_owned(),
            result,
        });
        if self.conclusion.is_none() {
            self.conclusion = conclusion;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{ManualClock, Reply, ScriptedStore};
    use crate::{
        Clock, Denial, Expiry, ListError, MemoryStore, Outcome, Page, PageToken, Policy,
        PolicyError, PolicyErrorKind, SessionId, SessionState, SessionStore, StoreError,
        StoreErrorKind, Transport, async_trait,
    };

    fn id(text: &str) -> SessionId {
        text.parse().unwrap()
    }

    fn record(id: &str) -> SessionRecord {
        SessionRecord::builder(
            self::id(id),
            "ws-17.dcv.example".parse().unwrap(),
            Expiry::Never,
        )
        .http_port(8443)
        .build()
        .unwrap()
    }

    fn named(name: &str, store: impl SessionStore) -> Resolver {
        Resolver::builder().store(name, store).build().unwrap()
    }

    fn holding(ids: &[&str]) -> MemoryStore {
        ids.iter().map(|id| record(id)).collect()
    }

    async fn explained(explainer: &Explainer, id: &str) -> Explanation {
        let request = ResolveRequest::new(self::id(id), Transport::Http);
        explainer.explain(&request).await
    }

    #[tokio::test]
    async fn stale_record_is_explained_with_its_age() {
        let stale = record("s").with_stale_age(Duration::from_millis(61_234));
        let resolver = named("agents", MemoryStore::from_iter([stale]));
        let explanation = explained(&Explainer::new(resolver), "s").await;
        let finding = &explanation.stores[0];
        assert_eq!(
            finding.to_string(),
            "agents: holds it as \"s\" on ws-17.dcv.example, HTTP 8443, no QUIC, READY, never expires; \
             the store fails, and a cache returned this record from 61.2s ago (decides)",
        );
        assert_eq!(serde_json::to_value(finding).unwrap()["stale_ms"], 61_234);
    }

    #[tokio::test]
    async fn explanation_names_every_store_and_every_rule() {
        let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let creating = record("s").to_builder().state(SessionState::Creating);
        let later = MemoryStore::from_iter([creating.build().unwrap()]);
        let resolver = Resolver::builder()
            .store("agents", MemoryStore::new())
            .store("by_hand", later)
            .store("spare", down)
            .clock(ManualClock::default())
            .build()
            .unwrap();
        let request = ResolveRequest::new(id("s"), Transport::Quic)
            .with_client_ip("192.0.2.7".parse().unwrap());
        let explanation = Explainer::new(resolver).explain(&request).await;
        assert_eq!(
            explanation.to_string(),
            "session \"s\" over QUIC, client 192.0.2.7, at 2030-01-01T00:00:00Z\n  \
             store agents: holds no such session\n  \
             store by_hand: holds it as \"s\" on ws-17.dcv.example, HTTP 8443, no QUIC, CREATING, never expires (decides)\n  \
             store spare: failed: scripted: the store cannot be reached\n  \
             rule live: yes\n  \
             rule ready: no: the session is CREATING, not READY\n  \
             rule transport_offered: no: the session's server does not offer QUIC\n\
             not found (not_ready): the session is CREATING, not READY",
        );
        assert_eq!(
            serde_json::to_value(&explanation).unwrap(),
            serde_json::json!({
                "session_id": "s",
                "transport": "QUIC",
                "client_ip": "192.0.2.7",
                "now_ms": 1_893_456_000_000_i64,
                "stores": [
                    {"store": "agents", "decides": false, "result": "absent"},
                    {"store": "by_hand", "decides": true, "result": "holds", "record": {
                        "id": "s", "host": "ws-17.dcv.example", "http_port": 8443,
                        "web_url_path": "/", "state": "CREATING", "expires_at_ms": null,
                    }},
                    {"store": "spare", "decides": false, "result": "failed",
                     "error": "scripted: the store cannot be reached"},
                ],
                "rules": [
                    {"kind": "rule", "rule": "live", "result": "passes"},
                    {"kind": "rule", "rule": "ready", "result": "refuses", "detail": "the session is CREATING, not READY"},
                    {"kind": "rule", "rule": "transport_offered", "result": "refuses",
                     "detail": "the session's server does not offer QUIC"},
                ],
                "outcome": "not_found",
                "reason": "not_ready",
                "detail": "the session is CREATING, not READY",
                "did_you_mean": [],
            })
        );
    }

    #[tokio::test]
    async fn near_ids_in_listings_are_suggested_nearest_first() {
        let store = Arc::new(holding(&["Console", "consul", "desktop", "ann's"]));
        let resolver = named("by_hand", Arc::clone(&store));
        let explainer = Explainer::new(resolver).with_listing("by_hand", store);
        let explanation = explained(&explainer, "console").await;
        let near: Vec<_> = explanation
            .did_you_mean
            .iter()
            .map(|near| (near.session_id.as_str(), near.match_kind))
            .collect();
        assert_eq!(near, [("Console", "with different capitalization")]);
        assert!(explanation.to_string().ends_with(
            "not found (unknown): no session has this id\n\
             did you mean \"Console\", with different capitalization? (store by_hand)"
        ));
        let explanation = explained(&explainer, "consol").await;
        assert_eq!(explanation.did_you_mean.len(), 2);
        // Held ids need no suggestion.
        assert!(
            explained(&explainer, "desktop")
                .await
                .did_you_mean
                .is_empty()
        );
    }

    #[tokio::test]
    async fn other_spellings_are_found_without_a_listing() {
        let resolver = Resolver::new(holding(&["console"]));
        let explainer = Explainer::new(resolver);
        for asked in ["console ", "?sessionId=console", "#console", "CONSOLE"] {
            let explanation = explained(&explainer, asked).await;
            assert_eq!(explanation.did_you_mean.len(), 1, "{asked:?}");
            assert_eq!(explanation.did_you_mean[0].session_id, id("console"));
        }
    }

    /// Always returns the same: whether it allows, or a failure.
    #[derive(Debug)]
    struct FixedPolicy(String, Result<bool, ()>);

    #[async_trait]
    impl Policy for FixedPolicy {
        fn name(&self) -> &str {
            &self.0
        }

        async fn check(
            &self,
            _: &ResolveRequest,
            _: &SessionRecord,
        ) -> Result<Verdict, PolicyError> {
            match self.1 {
                Ok(true) => Ok(Verdict::Allow),
                Ok(false) => Ok(Verdict::Deny(Denial::new("not today"))),
                Err(()) => Err(PolicyError::new(PolicyErrorKind::Unavailable)),
            }
        }
    }

    #[tokio::test]
    async fn policy_that_denies_is_shown_and_is_the_conclusion() {
        let resolver = Resolver::builder()
            .store("agents", holding(&["s"]))
            .policy(FixedPolicy("hours".to_owned(), Ok(false)))
            .build()
            .unwrap();
        let explanation = explained(&Explainer::new(resolver), "s").await;
        assert_eq!(explanation.rules.last().unwrap().rule, "hours");
        assert!(matches!(
            explanation.conclusion,
            Conclusion::NotFound {
                reason: "denied",
                ..
            }
        ));
    }

    fn reply() -> impl Strategy<Value = Reply> {
        let record = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(live, ready, quic, ours)| {
                let now = ManualClock::default().now();
                let mut builder = record(if ours { "s" } else { "t" }).to_builder();
                if !live {
                    builder = builder.expiry(Expiry::At(now));
                }
                if !ready {
                    builder = builder.state(SessionState::Deleting);
                }
                if quic {
                    builder = builder.quic_port(8444);
                }
                Reply::Record(builder.build().unwrap())
            },
        );
        prop_oneof![
            Just(Reply::Absent),
            Just(Reply::Fail(StoreErrorKind::TimedOut)),
            record,
        ]
    }

    #[tokio::test]
    async fn error_of_a_driver_cannot_forge_a_line() {
        let text = "cannot connect\n  rule live: yes\u{1b}[2J";
        let failed = StoreResult::Failed {
            error: text.to_owned(),
        };
        assert_eq!(
            failed.to_string(),
            r"failed: cannot connect\n  rule live: yes\u{1b}[2J"
        );
        let conclusion = Conclusion::Error {
            error: text.to_owned(),
        };
        assert_eq!(conclusion.to_string().lines().count(), 1);
    }

    #[tokio::test]
    async fn few_sessions_are_compared_between_two_yields() {
        const SESSIONS: usize = 1_000;

        let ids: Vec<_> = (0..SESSIONS)
            .map(|number| format!("session-{number}"))
            .collect();
        let store = holding(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let compared = std::cell::Cell::new(0);
        let mut comparing = pin!(compare_all(
            &store,
            |_| compared.set(compared.get() + 1),
            || Box::pin(yield_now()),
        ));
        let mut before = 0;
        let most = std::future::poll_fn(|cx| {
            let mut most = 0;
            // As a runtime does that has nothing else to run.
            loop {
                let poll = comparing.as_mut().poll(cx);
                most = most.max(compared.get() - before);
                before = compared.get();
                if poll.is_ready() {
                    return Poll::Ready(most);
                }
            }
        })
        .await;
        assert_eq!(compared.get(), SESSIONS);
        assert!(most <= 16, "{most}");
    }

    #[tokio::test]
    async fn search_for_near_ids_ends_when_enough_completes() {
        let mut ids: Vec<_> = (0..5_000)
            .map(|number| format!("session-{number}"))
            .collect();
        // On the first page, and on the last.
        ids.extend(["Console".to_owned(), "z-console".to_owned()]);
        let store = Arc::new(holding(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
        let explainer =
            Explainer::new(Resolver::new(MemoryStore::new())).with_listing("long", store);
        let request = ResolveRequest::new(id("console"), Transport::Http);

        let enough = async {
            yield_now().await;
            yield_now().await;
        };
        let cut = explainer.explain_until(&request, enough).await;
        assert_eq!(cut.did_you_mean.len(), 1);
        assert!(cut.search_truncated);
        assert!(
            cut.to_string()
                .ends_with("\nthe search was cut short; other sessions may match")
        );
        let whole = explainer.explain(&request).await;
        assert_eq!(whole.did_you_mean.len(), 2);
        assert!(!whole.search_truncated);
    }

    /// Generates every record, and lists the same page without an end, or fails.
    #[derive(Debug)]
    struct Generated {
        is_down: bool,
    }

    #[async_trait]
    impl SessionStore for Generated {
        async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
            Ok(Some(record(id.as_str())))
        }

        async fn ping(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[async_trait]
    impl SessionListing for Generated {
        async fn list(
            &self,
            _: Option<&PageToken>,
            limit: NonZeroUsize,
        ) -> Result<Page, ListError> {
            if self.is_down {
                return Err(StoreError::new("test", StoreErrorKind::Unavailable).into());
            }
            let records = vec![record("far-away"); limit.get()];
            Ok(Page::new(records, Some(PageToken::new("same"))))
        }

        fn generated_by(&self, id: &SessionId) -> Option<String> {
            Some(format!("pattern of {id}"))
        }
    }

    #[tokio::test]
    async fn source_of_a_generated_record_is_that_of_its_store() {
        let resolver = Resolver::builder()
            .store("fixed", holding(&["s"]))
            .store("generated", Generated { is_down: false })
            .build()
            .unwrap();
        let explainer = Explainer::new(resolver)
            .with_listing("fixed", Arc::new(holding(&["s"])))
            .with_listing("generated", Arc::new(Generated { is_down: false }));
        let names: Vec<_> = explainer.listings().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["fixed", "generated"]);
        let stores = explained(&explainer, "s").await.stores;
        let generated_by: Vec<_> = stores
            .iter()
            .map(|store| store.generated_by.as_deref())
            .collect();
        assert_eq!(generated_by, [None, Some("pattern of s")]);
    }

    #[tokio::test]
    async fn search_of_an_endless_or_failing_listing_is_cut_short() {
        for is_down in [false, true] {
            let explainer = Explainer::new(Resolver::new(MemoryStore::new()))
                .with_listing("generated", Arc::new(Generated { is_down }))
                .with_listing("whole", Arc::new(MemoryStore::new()));
            assert!(explained(&explainer, "s").await.search_truncated);
        }
    }

    proptest! {
        /// An explanation that concludes otherwise than the resolver would be
        /// worse than none.
        #[test]
        fn conclusion_equals_the_outcome_of_the_resolver(
            first in reply(),
            others in proptest::collection::vec(reply(), 0..3),
            policies in proptest::collection::vec(
                prop_oneof![Just(Ok(true)), Just(Ok(false)), Just(Err(()))], 0..3),
        ) {
            let mut builder = Resolver::builder()
                .store("first", ScriptedStore::always(first))
                .clock(ManualClock::default());
            for (number, reply) in others.into_iter().enumerate() {
                builder = builder.store(format!("other {number}"), ScriptedStore::always(reply));
            }
            for (number, verdict) in policies.into_iter().enumerate() {
                builder = builder.policy(FixedPolicy(format!("policy {number}"), verdict));
            }
            let resolver = builder.build().unwrap();
            let request = ResolveRequest::new(id("s"), Transport::Quic);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (answered, explained) = runtime.block_on(async {
                let answered = resolver.resolve(&request).await;
                (answered, Explainer::new(resolver.clone()).explain(&request).await)
            });
            match (answered, explained.conclusion) {
                (Ok(Outcome::Found(found)), Conclusion::Found { answer }) => {
                    prop_assert_eq!(found, answer);
                }
                (Ok(Outcome::NotFound(not_found)), Conclusion::NotFound { reason, detail }) => {
                    prop_assert_eq!((not_found.reason(), not_found.to_string()), (reason, detail));
                }
                (Err(answered), Conclusion::Error { error }) => {
                    prop_assert_eq!(answered.chain().to_string(), error);
                }
                (answered, conclusion) => {
                    prop_assert!(false, "{answered:?} is explained as {conclusion:?}");
                }
            }
        }
    }
}
