//! [`Registrations`]: carries out what has to be done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, Expiry, SessionId, SessionRecord, SystemClock};
use tokio::time::timeout;

use crate::event_log::{self, EventLog};
use crate::reconcile::{Action, Held, HeldSession, Wanted, reconcile};
use crate::registrar::{Registrar, RegistrarError};
use crate::view::AgentView;

/// How long one call may take. Most registrars have a limit of their own.
const CALL_TIME: Duration = Duration::from_secs(15);

/// What the agent has registered, and where.
#[derive(Debug)]
pub(crate) struct Registrations {
    registrar: Arc<dyn Registrar>,
    ttl: Duration,
    held: Held,
    /// The ids that another owner holds, so that each is logged once.
    conflicts: BTreeSet<SessionId>,
    log: EventLog,
    view: AgentView,
}

/// What became of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// All were carried out, or found an id that another owner holds.
    All,
    /// At least one was refused.
    SomeRefused,
    /// The rest would fail as well.
    Unavailable,
}

impl Registrations {
    pub(crate) fn new(
        registrar: Arc<dyn Registrar>,
        ttl: Duration,
        log: EventLog,
        view: AgentView,
    ) -> Self {
        Self {
            registrar,
            ttl,
            held: Held::new(),
            conflicts: BTreeSet::new(),
            log,
            view,
        }
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    pub(crate) fn conflicts(&self) -> usize {
        self.conflicts.len()
    }

    /// Makes the `wanted` sessions the registered ones.
    pub(crate) async fn apply(&mut self, wanted: &Wanted) -> Applied {
        self.conflicts.retain(|id| wanted.contains_key(id));
        let mut applied = Applied::All;
        for action in reconcile(wanted, &self.held) {
            let (id, done) = match action {
                Action::Register(record) => (record.id().clone(), self.register(&record).await),
                Action::Renew(record) => (record.id().clone(), self.renew(&record).await),
                Action::Deregister(id) => (id.clone(), self.deregister(&id).await),
            };
            match done {
                Ok(()) => {}
                Err(RegistrarError::Unavailable(source)) => {
                    self.log.unavailable(&*source);
                    return Applied::Unavailable;
                }
                Err(error) => {
                    self.log.session_failed("refused", id.as_str(), &error);
                    applied = Applied::SomeRefused;
                }
            }
        }
        applied
    }

    async fn register(&mut self, record: &SessionRecord) -> Result<(), RegistrarError> {
        let id = record.id();
        let held = HeldSession {
            record: record.clone(),
            is_confirmed: false,
        };
        // Before the call, whose answer may be lost, or not be waited for.
        let before = self.held.insert(id.clone(), held);
        match limited(self.registrar.register(record, self.ttl)).await {
            Ok(()) => {
                self.confirm(record);
                let was_registered = before.is_some_and(|before| before.is_confirmed);
                if self.conflicts.remove(id) || !was_registered {
                    event_log::registered(id);
                }
                Ok(())
            }
            Err(RegistrarError::AlreadyExists) => {
                self.forget(id);
                if self.conflicts.insert(id.clone()) {
                    event_log::held_by_another(id);
                }
                Ok(())
            }
            Err(error @ RegistrarError::Refused(_)) => {
                // Nothing was changed.
                match before {
                    Some(before) => _ = self.held.insert(id.clone(), before),
                    None => self.forget(id),
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn renew(&mut self, record: &SessionRecord) -> Result<(), RegistrarError> {
        match limited(self.registrar.renew(record.id(), self.ttl)).await {
            Ok(()) => {
                self.confirm(record);
                Ok(())
            }
            Err(RegistrarError::LeaseLost) => {
                self.log.lease_lost(record.id());
                self.register(record).await
            }
            Err(error) => Err(error),
        }
    }

    async fn deregister(&mut self, id: &SessionId) -> Result<(), RegistrarError> {
        match limited(self.registrar.deregister(id)).await {
            Ok(()) => {
                self.forget(id);
                event_log::deregistered(id);
                Ok(())
            }
            Err(error @ RegistrarError::Refused(_)) => {
                // It ends with its lease.
                self.forget(id);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn confirm(&mut self, record: &SessionRecord) {
        if let Some(held) = self.held.get_mut(record.id()) {
            held.is_confirmed = true;
        }
        let expiry = Expiry::At(SystemClock.now().saturating_add(self.ttl));
        self.view.registered(record.clone().with_expiry(expiry));
    }

    fn forget(&mut self, id: &SessionId) {
        self.held.remove(id);
        self.view.removed(id);
    }
}

/// Limits the time of a call: a store that hangs must not keep other sessions
/// from being renewed after it has recovered.
async fn limited(
    call: impl Future<Output = Result<(), RegistrarError>>,
) -> Result<(), RegistrarError> {
    match timeout(CALL_TIME, call).await {
        Ok(done) => done,
        Err(elapsed) => Err(RegistrarError::Unavailable(Box::new(elapsed))),
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::async_trait;
    use dcv_resolver_core::testing::session;

    use super::*;

    /// Its token allows nothing.
    #[derive(Debug)]
    struct Refuses;

    #[async_trait]
    impl Registrar for Refuses {
        async fn register(&self, _: &SessionRecord, _: Duration) -> Result<(), RegistrarError> {
            Err(RegistrarError::Refused("forbidden".into()))
        }

        async fn renew(&self, _: &SessionId, _: Duration) -> Result<(), RegistrarError> {
            Err(RegistrarError::Refused("forbidden".into()))
        }

        async fn deregister(&self, _: &SessionId) -> Result<(), RegistrarError> {
            Err(RegistrarError::Refused("forbidden".into()))
        }
    }

    #[tokio::test]
    async fn refused_session_is_forgotten_when_it_ends() {
        let (log, view) = (EventLog::new(), AgentView::default());
        let mut registrations =
            Registrations::new(Arc::new(Refuses), Duration::from_secs(90), log, view);
        let record = session("a");
        let wanted = Wanted::from([(record.id().clone(), record.clone())]);
        for _ in 0..2 {
            assert_eq!(registrations.apply(&wanted).await, Applied::SomeRefused);
        }
        assert_eq!(registrations.apply(&Wanted::new()).await, Applied::All);

        // As when the token is limited after the session was registered.
        let held = HeldSession {
            record: record.clone(),
            is_confirmed: true,
        };
        registrations.held.insert(record.id().clone(), held);
        assert_eq!(registrations.apply(&wanted).await, Applied::SomeRefused);
        assert!(registrations.held().contains_key(record.id()));
        for expected in [Applied::SomeRefused, Applied::All] {
            assert_eq!(registrations.apply(&Wanted::new()).await, expected);
        }
    }
}
