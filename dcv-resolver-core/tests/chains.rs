//! Random chains of stores and policies, compared with a function that says how
//! each is answered.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dcv_resolver_core::testing::{ManualClock, PolicyReply, ScriptedPolicy, session};
use dcv_resolver_core::{
    Clock, Denial, Expiry, Outcome, PolicyErrorKind, ResolveError, ResolveProgress, ResolveRequest,
    Resolver, SessionId, SessionRecord, SessionState, SessionStore, StoreError, StoreErrorKind,
    Timestamp, Transport, async_trait,
};
use proptest::prelude::*;

/// What a resolver is made of, in the order in which its builder receives it.
#[derive(Debug, Clone)]
struct Chain {
    parts: Vec<Part>,
    transport: Transport,
}

#[derive(Debug, Clone)]
enum Part {
    Store(Lookup),
    Policy(Check),
}

#[derive(Debug, Clone)]
enum Lookup {
    Absent,
    Fails,
    HoldsAnother,
    Holds(Record),
}

#[derive(Debug, Clone)]
struct Record {
    /// After the start; each lookup takes a millisecond.
    expires_ms: Option<u64>,
    state: SessionState,
    offers_http: bool,
    offers_quic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Check {
    Allows,
    Denies,
    Fails,
}

/// How a request is answered, and what that took.
#[derive(Debug, PartialEq)]
struct Answer {
    said: Said,
    /// The store that decided or failed, and the policy that denied or failed,
    /// by their positions among the stores and the policies.
    store: Option<usize>,
    policy: Option<usize>,
    has_record: bool,
    /// Stores and policies behind these are not asked.
    stores_asked: usize,
    policies_asked: usize,
}

#[derive(Debug, PartialEq)]
enum Said {
    Port(u16),
    NotFound(&'static str),
    StoreError(StoreErrorKind),
    PolicyError(PolicyErrorKind),
}

/// The port that the store at this position has for a transport.
fn port(store: usize, transport: Transport) -> u16 {
    let base = match transport {
        Transport::Http => 8_000,
        Transport::Quic => 9_000,
    };
    base + u16::try_from(store).unwrap()
}

fn oracle(chain: &Chain) -> Answer {
    let stores = chain.parts.iter().filter_map(|part| match part {
        Part::Store(lookup) => Some(lookup),
        Part::Policy(_) => None,
    });
    let mut answer = Answer {
        said: Said::NotFound("unknown"),
        store: None,
        policy: None,
        has_record: false,
        stores_asked: 0,
        policies_asked: 0,
    };
    for (position, lookup) in stores.enumerate() {
        answer.stores_asked += 1;
        match lookup {
            Lookup::Absent => continue,
            Lookup::Fails => answer.said = Said::StoreError(StoreErrorKind::Unavailable),
            Lookup::HoldsAnother => answer.said = Said::StoreError(StoreErrorKind::CorruptRecord),
            Lookup::Holds(record) => {
                answer.has_record = true;
                judge(chain, record, position, &mut answer);
            }
        }
        answer.store = Some(position);
        break;
    }
    answer
}

fn judge(chain: &Chain, record: &Record, store: usize, answer: &mut Answer) {
    let now_ms = answer.stores_asked as u64;
    let is_offered = match chain.transport {
        Transport::Http => record.offers_http,
        Transport::Quic => record.offers_quic,
    };
    let broken = if record.expires_ms.is_some_and(|expires| now_ms >= expires) {
        Some("expired")
    } else if record.state != SessionState::Ready {
        Some("not_ready")
    } else if !is_offered {
        Some("transport_not_offered")
    } else {
        None
    };
    if let Some(reason) = broken {
        answer.said = Said::NotFound(reason);
        return;
    }
    let policies = chain.parts.iter().filter_map(|part| match part {
        Part::Store(_) => None,
        Part::Policy(check) => Some(*check),
    });
    answer.said = Said::Port(port(store, chain.transport));
    for (position, check) in policies.enumerate() {
        answer.policies_asked += 1;
        answer.said = match check {
            Check::Allows => continue,
            Check::Denies => Said::NotFound("denied"),
            Check::Fails => Said::PolicyError(PolicyErrorKind::Unavailable),
        };
        answer.policy = Some(position);
        return;
    }
}

/// A store that takes a millisecond of the clock.
#[derive(Debug, Clone)]
struct Store {
    position: usize,
    lookup: Lookup,
    clock: ManualClock,
    start: Timestamp,
    lookups: Arc<AtomicUsize>,
}

impl Store {
    fn record(&self, id: &SessionId, record: &Record) -> SessionRecord {
        let expiry = record.expires_ms.map_or(Expiry::Never, |ms| {
            Expiry::At(self.start.saturating_add(Duration::from_millis(ms)))
        });
        let offered = |offers: bool, transport| offers.then(|| port(self.position, transport));
        SessionRecord::builder(id.clone(), "ws-17.dcv.example".parse().unwrap(), expiry)
            .state(record.state)
            .http_port(offered(record.offers_http, Transport::Http))
            .quic_port(offered(record.offers_quic, Transport::Quic))
            .build()
            .unwrap()
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        self.clock.advance(Duration::from_millis(1));
        match &self.lookup {
            Lookup::Absent => Ok(None),
            Lookup::Fails => Err(StoreError::new("chain", StoreErrorKind::Unavailable)),
            Lookup::HoldsAnother => Ok(Some(session("another"))),
            Lookup::Holds(record) => Ok(Some(self.record(id, record))),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn answer(chain: &Chain) -> Answer {
    let clock = ManualClock::default();
    let (mut stores, mut policies) = (Vec::new(), Vec::new());
    let mut builder = Resolver::builder().clock(clock.clone());
    for part in &chain.parts {
        match part {
            Part::Store(lookup) => {
                let store = Store {
                    position: stores.len(),
                    lookup: lookup.clone(),
                    clock: clock.clone(),
                    start: clock.now(),
                    lookups: Arc::default(),
                };
                builder = builder.store(stores.len().to_string(), store.clone());
                stores.push(store);
            }
            Part::Policy(check) => {
                let reply = match check {
                    Check::Allows => PolicyReply::Allow,
                    Check::Denies => PolicyReply::Deny(Denial::new("not today")),
                    Check::Fails => PolicyReply::Fail(PolicyErrorKind::Unavailable),
                };
                let policy = ScriptedPolicy::always(policies.len().to_string(), reply);
                builder = builder.policy(policy.clone());
                policies.push(policy);
            }
        }
    }
    let resolver = builder.build().unwrap();
    let request = ResolveRequest::new("console".parse().unwrap(), chain.transport);
    let mut progress = ResolveProgress::default();
    let outcome = now(resolver.resolve_with_progress(&request, &mut progress));
    let position = |name: Option<&Arc<str>>| name.map(|name| name.parse().unwrap());
    Answer {
        said: match outcome {
            Ok(Outcome::Found(found)) => Said::Port(found.port()),
            Ok(Outcome::NotFound(not_found)) => Said::NotFound(not_found.reason()),
            Err(ResolveError::Store { source, .. }) => Said::StoreError(source.kind()),
            Err(ResolveError::Policy { source, .. }) => Said::PolicyError(source.kind()),
            Err(error) => unreachable!("{error}"),
        },
        store: position(progress.store()),
        policy: position(progress.policy()),
        has_record: progress.record().is_some(),
        stores_asked: total(
            stores
                .iter()
                .map(|store| store.lookups.load(Ordering::SeqCst)),
        ),
        policies_asked: total(policies.iter().map(|policy| policy.checks() as usize)),
    }
}

/// Returns the result of a future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("no store and no policy waits"),
    }
}

/// Returns how many were asked: each once, and none behind one that was not.
fn total(asked: impl Iterator<Item = usize>) -> usize {
    let asked: Vec<_> = asked.collect();
    let count = asked.iter().take_while(|&&times| times == 1).count();
    assert!(asked[count..].iter().all(|&times| times == 0), "{asked:?}");
    count
}

fn chain() -> impl Strategy<Value = Chain> {
    let record = (
        prop_oneof![Just(None), (0..6_u64).prop_map(Some)],
        prop_oneof![
            4 => Just(SessionState::Ready),
            1 => Just(SessionState::Creating),
            1 => Just(SessionState::Deleting),
            1 => Just(SessionState::Unknown),
        ],
        prop_oneof![2 => Just((true, true)), 1 => Just((true, false)), 1 => Just((false, true))],
    );
    let lookup = prop_oneof![
        4 => Just(Lookup::Absent),
        1 => Just(Lookup::Fails),
        1 => Just(Lookup::HoldsAnother),
        6 => record.prop_map(|(expires_ms, state, (offers_http, offers_quic))| {
            Lookup::Holds(Record { expires_ms, state, offers_http, offers_quic })
        }),
    ];
    let check =
        prop_oneof![4 => Just(Check::Allows), 1 => Just(Check::Denies), 1 => Just(Check::Fails)];
    let store = lookup.prop_map(Part::Store).boxed();
    let part = prop_oneof![store.clone(), check.prop_map(Part::Policy)].boxed();
    let parts = || proptest::collection::vec(part.clone(), 0..4);
    let transport = prop_oneof![Just(Transport::Http), Just(Transport::Quic)];
    // A resolver needs a store.
    (parts(), store, parts(), transport).prop_map(|(mut parts, store, after, transport)| {
        parts.push(store);
        parts.extend(after);
        Chain { parts, transport }
    })
}

fn chains() -> u32 {
    std::env::var("DCV_TEST_CHAINS").map_or(2_000, |chains| chains.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: chains(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// `DCV_TEST_CHAINS` says how many; a few are enough for every day.
    #[test]
    fn every_chain_is_answered_as_the_oracle_says(chain in chain()) {
        prop_assert_eq!(answer(&chain), oracle(&chain));
    }
}
