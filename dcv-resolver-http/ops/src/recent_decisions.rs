//! [`RecentDecisions`]: the last decisions, for the page of the operators.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::{Clock, SessionId, SystemClock, Timestamp, Transport};
use dcv_resolver_http::{Decision, DecisionObserver, DecisionOutcome, request_id_text};
use serde::{Serialize, Serializer};

use crate::durations::as_us;

/// How many are kept.
pub(crate) const CAPACITY: usize = 200;

/// Keeps the last 200 decisions in memory, for
/// [the page of the operators](crate#the-page).
///
/// Clones share them. They are lost when the process ends, and outlive a reload
/// of the services as [`Metrics`](crate::Metrics) do.
///
/// Memory is bounded: 200 ids of 256 bytes and request ids of 128 bytes are the
/// most that it holds of what requests send. Once 200 are kept, a decision costs
/// a request no allocation.
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
#[derive(Debug, Clone)]
pub struct RecentDecisions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
}

#[derive(Debug)]
struct Ring {
    /// Of all decisions since the start.
    total: u64,
    /// The oldest first.
    kept: VecDeque<RecentDecision>,
}

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
            ring: Mutex::new(Ring {
                total: 0,
                kept: VecDeque::with_capacity(CAPACITY),
            }),
        }))
    }

    /// Returns the decisions, the newest first.
    pub(crate) fn newest_first(&self) -> Vec<RecentDecision> {
        self.0.ring().kept.iter().rev().cloned().collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl Default for RecentDecisions {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Adds a decision. Returns the one that it replaces.
    fn push(&mut self, mut decision: RecentDecision, request_id: &str) -> Option<RecentDecision> {
        self.total += 1;
        decision.number = self.total;
        let mut replaced = None;
        if self.kept.len() == CAPACITY {
            replaced = self.kept.pop_front();
        }
        // Its text is used again rather than allocated for each request.
        if let Some(replaced) = &mut replaced {
            decision.request_id = std::mem::take(&mut replaced.request_id);
            decision.request_id.clear();
        }
        decision.request_id.push_str(request_id);
        self.kept.push_back(decision);
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
        let request_id = request_id_text(&decision.request_id);
        let replaced = self.0.ring().push(recent, request_id);
        // Freed after the lock is released.
        drop(replaced);
    }
}

fn displayed<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// serde has no `Arc<str>` without a feature for all of its users.
fn text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}
