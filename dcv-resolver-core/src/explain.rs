//! [`Explainer`]: why a request is answered as it is.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;

use crate::escape::escaped;
use crate::near_ids::{Asked, Nearest};
use crate::resolver::check_identity;
use crate::{
    Expiry, NotFound, PageToken, Resolution, ResolveRequest, Resolver, SessionId, SessionListing,
    SessionRecord, StoreError, Timestamp, Transport, Verdict, rules,
};

/// Walks through a request as its [`Resolver`] does, but to the end: it asks
/// every store and every rule, and tells what each of them said.
///
/// For operators, not for the gateway: an explanation names hosts, other
/// sessions and what a store's driver said.
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
/// let resolver = Resolver::new(Arc::clone(&store)).with_store_name("by_hand");
/// let explainer = Explainer::new(resolver).with_listing("by_hand", store);
///
/// let request = ResolveRequest::new("Console".parse()?, Transport::Http);
/// let explanation = explainer.explain(&request).await;
/// assert_eq!(explanation.did_you_mean[0].session_id.as_str(), "console");
/// println!("{explanation}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Explainer {
    resolver: Resolver,
    listings: Vec<(Arc<str>, Arc<dyn SessionListing>)>,
}

/// Why a request is answered as it is.
///
/// Displays as some lines for people; serialises as JSON for programs.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The session asked for.
    pub session_id: SessionId,
    /// The transport asked for.
    pub transport: Transport,
    /// The client, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpAddr>,
    /// The time by the resolver's clock.
    #[serde(rename = "now_ms")]
    pub now: Timestamp,
    /// What each store said, in their order.
    pub stores: Vec<StoreStep>,
    /// What each rule and policy says of the record that decides, in their
    /// order; empty where there is none.
    pub rules: Vec<RuleStep>,
    /// How the request is answered.
    #[serde(flatten)]
    pub conclusion: Conclusion,
    /// Sessions that look like the one asked for, the nearest first, a few at
    /// most; looked for only when no store holds that one.
    pub did_you_mean: Vec<Suggestion>,
    /// Whether there are sessions that were not compared: there was no time for
    /// them, they are too many, or their store failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub search_truncated: bool,
}

/// What one store said.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StoreStep {
    /// The store's name.
    pub store: String,
    /// Whether the answer comes from here: the first store that holds the
    /// session, or failed.
    pub decides: bool,
    /// What it said.
    #[serde(flatten)]
    pub said: StoreResult,
}

/// What a store says of a session.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "said", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreResult {
    /// It holds this record.
    Holds {
        /// The record.
        record: SessionRecord,
        /// How old that is, in milliseconds, where a cache says it in place of
        /// the store, which fails.
        #[serde(skip_serializing_if = "Option::is_none")]
        stale_ms: Option<u64>,
    },
    /// It holds no such session.
    Absent,
    /// It could not tell.
    Failed {
        /// The error with its sources.
        error: String,
    },
}

/// What one rule or policy says.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RuleStep {
    /// `live`, `ready`, `transport_offered`, or the name of a policy.
    pub rule: String,
    /// What it says.
    #[serde(flatten)]
    pub said: RuleResult,
}

/// What a rule or policy says of a record.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "said", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleResult {
    /// The client may pass.
    Passes,
    /// The client may not pass.
    Breaks {
        /// Why, as a sentence.
        detail: String,
    },
    /// It could not tell.
    Failed {
        /// The error with its sources.
        error: String,
    },
}

/// How a request is answered.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Conclusion {
    /// With this destination.
    Found {
        /// The answer as it goes to the gateway.
        answer: Resolution,
    },
    /// There is no destination.
    NotFound {
        /// A stable word.
        reason: &'static str,
        /// A sentence.
        detail: String,
    },
    /// The question could not be answered.
    Error {
        /// The error with its sources.
        error: String,
    },
}

/// A session that looks like the one asked for: by its id, or by its name on the
/// DCV server, its host or its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Suggestion {
    /// The id.
    pub session_id: SessionId,
    /// The store that holds it.
    pub store: String,
    /// How it differs, as the end of a sentence.
    pub how: &'static str,
}

impl Explainer {
    /// Explains what `resolver` answers.
    #[must_use]
    pub fn new(resolver: Resolver) -> Self {
        Self {
            resolver,
            listings: Vec::new(),
        }
    }

    /// Looks for near ids in all that `store` holds, its first 100,000
    /// sessions at most. Without a listing only a few other spellings of the
    /// id are tried.
    #[must_use]
    pub fn with_listing(
        mut self,
        name: impl Into<Arc<str>>,
        store: Arc<dyn SessionListing>,
    ) -> Self {
        self.listings.push((name.into(), store));
        self
    }

    /// The resolver that is explained.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// Explains one request. A store or a policy that fails is part of the
    /// explanation.
    ///
    /// It takes as long as all stores together, and longer where near ids are
    /// looked for: see [`explain_until`](Self::explain_until).
    pub async fn explain(&self, request: &ResolveRequest) -> Explanation {
        self.explain_until(request, std::future::pending()).await
    }

    /// [Explains](Self::explain), and when `enough` completes looks for near
    /// ids no longer: those found so far are told. A timer, as a rule, since
    /// going through a hundred thousand sessions takes seconds and all else is
    /// known long before.
    ///
    /// The stores and policies themselves are waited for all the same: the
    /// caller bounds that.
    pub async fn explain_until(
        &self,
        request: &ResolveRequest,
        enough: impl Future<Output = ()>,
    ) -> Explanation {
        let stores = self.ask_stores(request).await;
        let now = self.resolver.clock.now();
        let decisive = stores.iter().find(|finding| finding.decides);
        let (rules, conclusion) = match decisive.map(|finding| &finding.said) {
            Some(StoreResult::Holds { record, .. }) => self.ask_rules(request, record, now).await,
            Some(StoreResult::Failed { error }) => (Vec::new(), failed(error)),
            Some(StoreResult::Absent) | None => (Vec::new(), missed(&NotFound::Unknown)),
        };
        let mut nearest = Nearest::default();
        let all_compared = if decisive.is_none() {
            let asked = Asked::new(request.session_id());
            let searching = self.search(&asked, &mut nearest);
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
            did_you_mean: nearest.into_ids(),
            search_truncated: !all_compared,
        }
    }

    async fn ask_stores(&self, request: &ResolveRequest) -> Vec<StoreStep> {
        let mut findings = Vec::new();
        let mut decided = false;
        for named in self.resolver.stores() {
            let said = match named.store().lookup(request.session_id()).await {
                Ok(None) => StoreResult::Absent,
                Ok(Some(record)) => match check_identity(request, &record) {
                    Ok(()) => StoreResult::holds(record),
                    Err(error) => StoreResult::Failed {
                        error: error.chain().to_string(),
                    },
                },
                Err(error) => StoreResult::Failed {
                    error: error.chain().to_string(),
                },
            };
            let decides = !decided && !matches!(said, StoreResult::Absent);
            decided |= decides;
            findings.push(StoreStep {
                store: named.name().to_string(),
                decides,
                said,
            });
        }
        findings
    }

    /// What every rule says, and the conclusion from the first that does not
    /// let the client pass.
    async fn ask_rules(
        &self,
        request: &ResolveRequest,
        record: &SessionRecord,
        now: Timestamp,
    ) -> (Vec<RuleStep>, Conclusion) {
        let offered = rules::offers(record.clone(), request.transport());
        let mut rules = Rules::default();
        rules.add("live", Ok(rules::is_live(record, now)));
        rules.add("ready", Ok(rules::is_ready(record)));
        rules.add("transport_offered", Ok(offered.clone().map(drop)));
        for policy in &*self.resolver.policies {
            let verdict = policy.judge(request, record).await;
            rules.add(policy.name(), verdict.map(as_rule));
        }
        let conclusion = match (rules.conclusion, offered) {
            (Some(conclusion), _) => conclusion,
            (None, Ok(answer)) => Conclusion::Found { answer },
            (None, Err(miss)) => missed(&miss),
        };
        (rules.findings, conclusion)
    }

    /// Compares whatever may be near; whether that was all.
    async fn search(&self, asked: &Asked<'_>, nearest: &mut Nearest) -> bool {
        for spelling in asked.other_spellings() {
            for named in self.resolver.stores() {
                // One that fails now has told so above.
                if let Ok(Some(record)) = named.store().lookup(&spelling).await {
                    nearest.compare(asked, &record, named.name());
                }
            }
        }
        let mut all = true;
        for (name, store) in &self.listings {
            all &= compare_all(&**store, |record| nearest.compare(asked, record, name)).await;
        }
        all
    }
}

/// The result of `work`, unless `enough` completes first.
async fn until<T>(enough: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut enough, mut work) = (pin!(enough), pin!(work));
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => enough.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Shows as many records as are worth comparing, and those so far where the
/// store fails; whether that was all.
async fn compare_all(store: &dyn SessionListing, mut compare: impl FnMut(&SessionRecord)) -> bool {
    const MAX_RECORDS: usize = 100_000;
    const PAGE_SIZE: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

    let mut compared = 0;
    let mut next: Option<PageToken> = None;
    while compared < MAX_RECORDS {
        let Ok(page) = store.list(next.as_ref(), PAGE_SIZE).await else {
            return false;
        };
        page.records.iter().for_each(&mut compare);
        compared += page.records.len();
        // A listing in memory never waits, and others want the thread as well.
        pause().await;
        next = page.next;
        if next.is_none() {
            return true;
        }
    }
    false
}

/// Lets the runtime turn to other tasks, and the caller give up.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The rules asked so far.
#[derive(Default)]
struct Rules {
    findings: Vec<RuleStep>,
    /// From the first that did not let the client pass.
    conclusion: Option<Conclusion>,
}

impl Rules {
    fn add(&mut self, rule: &str, said: Result<Result<(), NotFound>, StoreError>) {
        let (said, conclusion) = match said {
            Ok(Ok(())) => (RuleResult::Passes, None),
            Ok(Err(miss)) => {
                let detail = miss.to_string();
                (RuleResult::Breaks { detail }, Some(missed(&miss)))
            }
            Err(error) => {
                let error = error.chain().to_string();
                let conclusion = failed(&error);
                (RuleResult::Failed { error }, Some(conclusion))
            }
        };
        self.findings.push(RuleStep {
            rule: rule.to_owned(),
            said,
        });
        if self.conclusion.is_none() {
            self.conclusion = conclusion;
        }
    }
}

fn as_rule(verdict: Verdict) -> Result<(), NotFound> {
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::Deny(denial) => Err(NotFound::Denied(denial)),
    }
}

fn missed(miss: &NotFound) -> Conclusion {
    Conclusion::NotFound {
        reason: miss.reason(),
        detail: miss.to_string(),
    }
}

fn failed(error: &str) -> Conclusion {
    Conclusion::Error {
        error: error.to_owned(),
    }
}

impl StoreResult {
    fn holds(record: SessionRecord) -> Self {
        let as_ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Self::Holds {
            stale_ms: record.stale_age().map(as_ms),
            record,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {:?} over {}, ", self.session_id, self.transport)?;
        match self.client_ip {
            Some(client_ip) => write!(f, "client {client_ip}, ")?,
            None => f.write_str("client unknown, ")?,
        }
        writeln!(f, "at {}", self.now)?;
        for finding in &self.stores {
            writeln!(f, "  store {finding}")?;
        }
        for RuleStep { rule, said } in &self.rules {
            writeln!(f, "  rule {rule}: {said}")?;
        }
        write!(f, "{}", self.conclusion)?;
        for near in &self.did_you_mean {
            let Suggestion {
                session_id,
                store,
                how,
            } = near;
            write!(f, "\ndid you mean {session_id:?}, {how}? (store {store})")?;
        }
        if self.search_truncated {
            f.write_str("\nnot all sessions were compared with it")?;
        }
        Ok(())
    }
}

impl fmt::Display for StoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.store, self.said)?;
        f.write_str(if self.decides { " (decides)" } else { "" })
    }
}

impl fmt::Display for StoreResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = match self {
            Self::Absent => return f.write_str("holds no such session"),
            Self::Failed { error } => return write!(f, "failed: {}", one_line(error)),
            Self::Holds { record, .. } => record,
        };
        write!(
            f,
            "holds it as {:?} on {}",
            record.target_id(),
            record.host()
        )?;
        for transport in [Transport::Http, Transport::Quic] {
            match record.port(transport) {
                Some(port) => write!(f, ", {transport} {port}")?,
                None => write!(f, ", no {transport}")?,
            }
        }
        write!(f, ", {}", record.state())?;
        match record.expiry() {
            Expiry::Never => f.write_str(", never expires")?,
            Expiry::At(expires_at) => write!(f, ", expires {expires_at}")?,
        }
        match record.stale_age() {
            None => Ok(()),
            Some(age) => write!(f, "; it fails, and that is what it said {age:.1?} ago"),
        }
    }
}

impl fmt::Display for RuleResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("yes"),
            Self::Breaks { detail } => write!(f, "no: {}", one_line(detail)),
            Self::Failed { error } => write!(f, "failed: {}", one_line(error)),
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { answer } => {
                write!(
                    f,
                    "found: {} port {}",
                    answer.record().host(),
                    answer.port()
                )
            }
            Self::NotFound { reason, detail } => {
                write!(f, "not found ({reason}): {}", one_line(detail))
            }
            Self::Error { error } => write!(f, "not answered: {}", one_line(error)),
        }
    }
}

/// What drivers and policies say, without line ends that could forge a line of
/// the explanation, or anything else that a terminal would act on.
fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{ManualClock, Reply, ScriptedStore};
    use crate::{
        Clock, Denial, MemoryStore, Outcome, Policy, SessionState, StoreErrorKind, async_trait,
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

    fn holding(ids: &[&str]) -> MemoryStore {
        ids.iter().map(|id| record(id)).collect()
    }

    async fn explained(explainer: &Explainer, id: &str) -> Explanation {
        let request = ResolveRequest::new(self::id(id), Transport::Http);
        explainer.explain(&request).await
    }

    #[tokio::test]
    async fn how_old_a_stale_answer_is_is_told() {
        let stale = record("s").with_stale_age(Duration::from_millis(61_234));
        let resolver = Resolver::new(MemoryStore::from_iter([stale])).with_store_name("agents");
        let explanation = explained(&Explainer::new(resolver), "s").await;
        let finding = &explanation.stores[0];
        assert_eq!(
            finding.to_string(),
            "agents: holds it as \"s\" on ws-17.dcv.example, HTTP 8443, no QUIC, READY, never expires; \
             it fails, and that is what it said 61.2s ago (decides)",
        );
        assert_eq!(serde_json::to_value(finding).unwrap()["stale_ms"], 61_234);
    }

    #[tokio::test]
    async fn every_store_and_every_rule_is_told() {
        let down = ScriptedStore::always(Reply::Fail(StoreErrorKind::Unavailable));
        let creating = record("s").to_builder().state(SessionState::Creating);
        let later = MemoryStore::from_iter([creating.build().unwrap()]);
        let resolver = Resolver::new(MemoryStore::new())
            .with_store_name("agents")
            .then("by_hand", later)
            .then("spare", down)
            .with_clock(ManualClock::default());
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
                    {"store": "agents", "decides": false, "said": "absent"},
                    {"store": "by_hand", "decides": true, "said": "holds", "record": {
                        "id": "s", "host": "ws-17.dcv.example", "http_port": 8443,
                        "web_url_path": "/", "state": "CREATING", "expires_at_ms": null,
                    }},
                    {"store": "spare", "decides": false, "said": "failed",
                     "error": "scripted: the store cannot be reached"},
                ],
                "rules": [
                    {"rule": "live", "said": "passes"},
                    {"rule": "ready", "said": "breaks", "detail": "the session is CREATING, not READY"},
                    {"rule": "transport_offered", "said": "breaks",
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
    async fn near_ids_are_found_in_listings_and_the_nearest_comes_first() {
        let store = Arc::new(holding(&["Console", "consul", "desktop", "ann's"]));
        let resolver = Resolver::new(Arc::clone(&store)).with_store_name("by_hand");
        let explainer = Explainer::new(resolver).with_listing("by_hand", store);
        let explanation = explained(&explainer, "console").await;
        let near: Vec<_> = explanation
            .did_you_mean
            .iter()
            .map(|near| (near.session_id.as_str(), near.how))
            .collect();
        assert_eq!(near, [("Console", "in other capitals")]);
        assert!(explanation.to_string().ends_with(
            "not found (unknown): no session has this id\n\
             did you mean \"Console\", in other capitals? (store by_hand)"
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

    /// Says what it is told.
    #[derive(Debug)]
    struct Told(Result<bool, ()>);

    #[async_trait]
    impl Policy for Told {
        fn name(&self) -> &str {
            "told"
        }

        async fn judge(
            &self,
            _: &ResolveRequest,
            _: &SessionRecord,
        ) -> Result<Verdict, StoreError> {
            match self.0 {
                Ok(true) => Ok(Verdict::Allow),
                Ok(false) => Ok(Verdict::Deny(Denial::new("not today"))),
                Err(()) => Err(StoreError::new("told", StoreErrorKind::Unavailable)),
            }
        }
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
    async fn what_a_driver_says_cannot_forge_a_line() {
        let text = "cannot connect\n  rule live: yes\u{1b}[2J";
        let said = StoreResult::Failed {
            error: text.to_owned(),
        };
        assert_eq!(
            said.to_string(),
            r"failed: cannot connect\n  rule live: yes\u{1b}[2J"
        );
        assert_eq!(failed(text).to_string().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_long_listing_lets_others_have_the_thread() {
        let ids: Vec<_> = (0..5_000)
            .map(|number| format!("session-{number}"))
            .collect();
        let store = Arc::new(holding(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
        let explainer =
            Explainer::new(Resolver::new(MemoryStore::new())).with_listing("long", store);
        let mut explaining = Box::pin(explained(&explainer, "console"));
        let mut turns = 0;
        let explained = std::future::poll_fn(|cx| {
            turns += 1;
            explaining.as_mut().poll(cx)
        });
        explained.await;
        assert!(turns > 5, "{turns}");
    }

    #[tokio::test]
    async fn the_search_for_near_ids_ends_when_it_is_enough() {
        let mut ids: Vec<_> = (0..5_000)
            .map(|number| format!("session-{number}"))
            .collect();
        // On the first page, and on the last.
        ids.extend(["Console".to_owned(), "z-console".to_owned()]);
        let store = Arc::new(holding(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
        let explainer =
            Explainer::new(Resolver::new(MemoryStore::new())).with_listing("long", store);
        let request = ResolveRequest::new(id("console"), Transport::Http);

        let cut = explainer.explain_until(&request, async {}).await;
        assert_eq!(cut.did_you_mean.len(), 1);
        assert!(cut.search_truncated);
        assert!(
            cut.to_string()
                .ends_with("\nnot all sessions were compared with it")
        );
        let whole = explainer.explain(&request).await;
        assert_eq!(whole.did_you_mean.len(), 2);
        assert!(!whole.search_truncated);
    }

    proptest! {
        /// An explanation that concludes otherwise than the resolver would be
        /// worse than none.
        #[test]
        fn the_conclusion_is_what_the_resolver_answers(
            first in reply(),
            others in proptest::collection::vec(reply(), 0..3),
            policies in proptest::collection::vec(
                prop_oneof![Just(Ok(true)), Just(Ok(false)), Just(Err(()))], 0..3),
        ) {
            let mut resolver = Resolver::new(ScriptedStore::always(first))
                .with_clock(ManualClock::default());
            for reply in others {
                resolver = resolver.then("other", ScriptedStore::always(reply));
            }
            for told in policies {
                resolver = resolver.with_policy(Told(told));
            }
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
                (Ok(Outcome::NotFound(miss)), Conclusion::NotFound { reason, detail }) => {
                    prop_assert_eq!((miss.reason(), miss.to_string()), (reason, detail));
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
