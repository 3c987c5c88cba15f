//! [`AgentView`]: what an agent has registered, and whether it can.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcv_resolver_core::{
    SessionId, SessionRecord, SessionState, SessionStore, StoreError, StoreErrorKind, async_trait,
};
use tokio::sync::Notify;

/// What an agent has registered, for its operators. Clones show the same state.
///
/// It is a [`SessionStore`] that holds what the agent registered last, so that
/// everything that shows the health and the sessions of a store can show an
/// agent: it fails while the agent cannot list its sessions or register them.
#[derive(Clone, Default)]
pub struct AgentView(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    round_ended: Notify,
}

#[derive(Default)]
struct State {
    registered: BTreeMap<SessionId, SessionRecord>,
    conflicts: usize,
    rounds: [u64; RoundResult::ALL.len()],
    last: Option<RoundResult>,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoundResult {
    Ok,
    NotListed,
    NotConfigured,
    Refused,
    Unavailable,
}

impl RoundResult {
    const ALL: [Self; 5] = [
        Self::Ok,
        Self::NotListed,
        Self::NotConfigured,
        Self::Refused,
        Self::Unavailable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotListed => "not_listed",
            Self::NotConfigured => "not_configured",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl AgentView {
    /// Returns how many sessions are registered, by state: `READY` or `UNKNOWN`;
    /// and as `already_exists`, how many are not, because another owner holds
    /// their ids.
    #[must_use]
    pub fn sessions_by_state(&self) -> Vec<(&'static str, u64)> {
        let state = self.lock();
        let count = |wanted: SessionState| {
            let records = state.registered.values();
            records.filter(|record| record.state() == wanted).count() as u64
        };
        vec![
            (SessionState::Ready.as_str(), count(SessionState::Ready)),
            (SessionState::Unknown.as_str(), count(SessionState::Unknown)),
            ("already_exists", state.conflicts as u64),
        ]
    }

    /// Returns how many rounds ended in which way: `ok`; `not_listed`, the
    /// sessions could not be listed; `not_configured`, the configuration of the
    /// DCV server has not been valid so far; `refused`, at least one request
    /// was refused; or `unavailable`, the resolver or the store could not be
    /// reached, for at least one session.
    #[must_use]
    pub fn rounds_by_result(&self) -> Vec<(&'static str, u64)> {
        let names = RoundResult::ALL.map(RoundResult::as_str);
        names.into_iter().zip(self.lock().rounds).collect()
    }

    /// Returns what is registered, with the expiry of each lease.
    pub(crate) fn records(&self) -> Vec<SessionRecord> {
        self.lock().registered.values().cloned().collect()
    }

    pub(crate) fn registered(&self, record: SessionRecord) {
        self.lock().registered.insert(record.id().clone(), record);
    }

    pub(crate) fn removed(&self, id: &SessionId) {
        self.lock().registered.remove(id);
    }

    pub(crate) fn ended_round(&self, result: RoundResult, conflicts: usize) {
        let mut state = self.lock();
        let count = RoundResult::ALL.iter().position(|known| *known == result);
        if let Some(count) = count.and_then(|index| state.rounds.get_mut(index)) {
            *count += 1;
        }
        state.conflicts = conflicts;
        state.last = Some(result);
        drop(state);
        self.0.round_ended.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics in the middle of a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn health(&self) -> Result<(), StoreError> {
        let cause = match self.last {
            Some(RoundResult::Ok) => return Ok(()),
            None => "no round has ended yet",
            Some(RoundResult::NotListed) => "the sessions cannot be listed",
            Some(RoundResult::NotConfigured) => {
                "the configuration of the DCV server cannot be used"
            }
            Some(RoundResult::Refused) => "a request is refused",
            Some(RoundResult::Unavailable) => "a session cannot be registered now",
        };
        Err(StoreError::new("agent", StoreErrorKind::Unavailable).with_source(cause))
    }
}

#[async_trait]
impl SessionStore for AgentView {
    async fn lookup(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        let state = self.lock();
        state.health()?;
        Ok(state.registered.get(id).cloned())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // Wait for the first round: one that has not ended yet is not a
        // failure.
        let round_ended = self.0.round_ended.notified();
        if self.lock().last.is_none() {
            round_ended.await;
        }
        self.lock().health()
    }
}

impl fmt::Debug for AgentView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentView")
            .field("sessions", &self.lock().registered.len())
            .finish_non_exhaustive()
    }
}
