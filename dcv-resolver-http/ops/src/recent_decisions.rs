//! [`RecentDecisions`]: the last decisions, for the page of the operators.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::{Clock, SessionId, SystemClock, Timestamp, Transport};
use dcv_resolver_http::{Decision, DecisionObserver, DecisionOutcome};
use serde::{Serialize, Serializer};

use crate::durations::as_us;

/// How many of each kind are kept.
const CAPACITY: usize = 200;

/// The last 200 decisions with a destination and the last 200 without one, kept
/// in memory for [the page of the operators](crate#the-page).
///
/// There are two lists because, at 1,000 requests per second, one list of 200
/// would cover a fraction of a second, and a failed request would be gone
/// before a person looks for it.
///
/// Clones share the lists. They outlive a reload of the services, as
/// [`Metrics`](crate::Metrics) do, and are lost when the process ends.
///
/// The memory is limited: of the data that requests send, the lists hold at
/// most 400 ids of 256 bytes and 400 request ids of 128 bytes. Once 200
/// decisions of its kind are kept, a decision costs a request no allocation.
///
/// ```
/// use dcv_resolver_core::{MemoryStore, Resolver};
/// use dcv_resolver_http::ResolveService;
/// use dcv_resolver_ops::RecentDecisions;
///
/// let recent = RecentDecisions::new();
/// let service = ResolveService::builder(Resolver::new(MemoryStore::new()))
///     .observer(recent.clone())
///     .build();
/// ```
#[derive(Clone)]
pub struct RecentDecisions(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

struct Kept {
    /// The number of all decisions since the start.
    total: u64,
    found: Ring,
    /// The decisions without a destination.
    others: Ring,
}

/// The last decisions of a kind, the oldest first.
struct Ring(VecDeque<RecentDecision>);

/// A decision as `/decisions` shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RecentDecision {
    /// Counts from 1.
    number: u64,
    #[serde(serialize_with = "displayed")]
    time: Timestamp,
    #[serde(serialize_with = "displayed")]
    outcome: DecisionOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    store: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    policy: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    elapsed_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<IpAddr>,
    /// A copy: the header shares the buffer that the whole request was read
    /// into, and would keep it.
    request_id: String,
}

impl RecentDecisions {
    /// Creates an empty list, with the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// Creates an empty list. `clock` says when a decision was made.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Inner {
            clock: Arc::new(clock),
            kept: Mutex::new(Kept {
                total: 0,
                found: Ring(VecDeque::with_capacity(CAPACITY)),
                others: Ring(VecDeque::with_capacity(CAPACITY)),
            }),
        }))
    }

    /// Returns the decisions, the newest first.
    pub(crate) fn newest_first(&self) -> Vec<RecentDecision> {
        let mut decisions: Vec<_> = {
            let kept = self.0.kept();
            kept.found.0.iter().chain(&kept.others.0).cloned().collect()
        };
        decisions.sort_unstable_by_key(|decision| Reverse(decision.number));
        decisions
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

// Not the decisions, which name users and their sessions.
impl fmt::Debug for RecentDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecentDecisions").finish_non_exhaustive()
    }
}

impl Default for RecentDecisions {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Adds a decision. Returns the one that it replaces.
    fn push(&mut self, mut decision: RecentDecision, request_id: &str) -> Option<RecentDecision> {
        self.total += 1;
        decision.number = self.total;
        match decision.outcome {
            DecisionOutcome::Found => self.found.push(decision, request_id),
            _ => self.others.push(decision, request_id),
        }
    }
}

impl Ring {
    fn push(&mut self, mut decision: RecentDecision, request_id: &str) -> Option<RecentDecision> {
        let mut replaced = None;
        if self.0.len() == CAPACITY {
            replaced = self.0.pop_front();
        }
        // Its text is used again rather than allocated for each request.
        if let Some(replaced) = &mut replaced {
            decision.request_id = std::mem::take(&mut replaced.request_id);
            decision.request_id.clear();
        }
        decision.request_id.push_str(request_id);
        self.0.push_back(decision);
        replaced
    }
}

impl DecisionObserver for RecentDecisions {
    fn on_decision(&self, decision: &Decision) {
        let request = decision.request.as_ref();
        let recent = RecentDecision {
            number: 0,
            time: self.now(),
            outcome: decision.outcome(),
            reason: decision.reason(),
            session_id: request.map(|request| request.session_id().clone()),
            transport: request.map(|request| request.transport()),
            client_ip: request.and_then(|request| request.client_ip()),
            store: decision.store.clone(),
            policy: decision.policy.clone(),
            status: decision.status().map(|status| status.as_u16()),
            elapsed_us: as_us(decision.elapsed),
            caller: decision.caller,
            request_id: String::new(),
        };
        let request_id = decision.request_id.as_str();
        let replaced = self.0.kept().push(recent, request_id);
        // Freed after the lock is released.
        drop(replaced);
    }
}

fn displayed<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// serde supports `Arc<str>` only with a feature that all of its users would
/// get.
fn text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}
