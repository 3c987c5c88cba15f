//! [`Registrations`]: carries out what has to be done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dcv_resolver_core::{Clock, Expiry, SessionId, SessionRecord};
use tokio::time::{Instant, timeout};

use crate::event_log::{self, EventLog};
use crate::reconcile::{Action, Held, HeldSession, Wanted, reconcile};
use crate::registrar::{Registrar, RegistrarError};
use crate::view::AgentView;

/// How long one call may take at most. Most registrars have a limit of their own.
const CALL_TIME: Duration = Duration::from_secs(15);

/// What the agent has registered, and where.
#[derive(Debug)]
pub(crate) struct Registrations {
    registrar: Arc<dyn Registrar>,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    held: Held,
    /// The ids that another owner holds, so that each is logged once.
    conflicts: BTreeSet<SessionId>,
    /// The sessions whose last call found the resolver or the store
    /// unavailable.
    failed: BTreeSet<SessionId>,
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
    /// At least one found the resolver or the store unavailable.
    Unavailable,
}

impl Registrations {
    pub(crate) fn new(
        registrar: Arc<dyn Registrar>,
        ttl: Duration,
        clock: Arc<dyn Clock>,
        log: EventLog,
        view: AgentView,
    ) -> Self {
        Self {
            registrar,
            ttl,
            clock,
            held: Held::new(),
            conflicts: BTreeSet::new(),
            failed: BTreeSet::new(),
            log,
            view,
        }
    }

    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Adds what an agent before this one registered under the same lease token.
    /// Whether it still is has to be seen: it is registered again.
    pub(crate) fn resume(&mut self, records: Vec<SessionRecord>) {
        for record in records {
            self.view.registered(record.clone());
            let held = HeldSession {
                record: record.with_expiry(Expiry::Never),
                is_confirmed: false,
            };
            self.held.insert(held.record.id().clone(), held);
        }
    }

    pub(crate) fn conflicts(&self) -> usize {
        self.conflicts.len()
    }

    /// Forgets which ids another owner holds, except those of `listed` sessions.
    /// Not part of [`apply`](Self::apply): while the sessions cannot be listed, it
    /// is unknown whether they have ended.
    pub(crate) fn retain_conflicts(&mut self, listed: &Wanted) {
        self.conflicts.retain(|id| listed.contains_key(id));
    }

    /// Makes the `wanted` sessions the registered ones. Calls that fail may take
    /// `time` together.
    ///
    /// A failure does not end it, since it may be that of one session, such as on
    /// a node of a Redis Cluster that is down, and the leases of the others must
    /// not end because of it. Sessions that failed the last time come last, so that
    /// what they wait for delays no other. No limit applies to all calls together:
    /// the last of many sessions would never be renewed.
    pub(crate) async fn apply(&mut self, wanted: &Wanted, time: Duration) -> Applied {
        let held = &self.held;
        self.failed
            .retain(|id| wanted.contains_key(id) || held.contains_key(id));
        let mut actions = reconcile(wanted, held);
        actions.sort_by_key(|action| self.failed.contains(action.id()));
        let mut applied = Applied::All;
        let mut left = time;
        for action in actions {
            let begun = Instant::now();
            // Half of what is left, so that one that hangs leaves time to others.
            let limit = CALL_TIME.min(left / 2);
            let done = match &action {
                Action::Register(record) => self.register(record, limit).await,
                Action::Renew(record) => self.renew(record, limit).await,
                Action::Deregister(id) => self.deregister(id, limit).await,
            };
            let id = action.id();
            match done {
                Ok(()) => _ = self.failed.remove(id),
                Err(RegistrarError::Unavailable(source)) => {
                    self.log.unavailable(id, &*source);
                    self.failed.insert(id.clone());
                    applied = Applied::Unavailable;
                    left = left.saturating_sub(begun.elapsed());
                    if left <= time / 64 {
                        break;
                    }
                }
                Err(error) => {
                    self.failed.remove(id);
                    self.log.session_failed("refused", id.as_str(), &error);
                    if applied == Applied::All {
                        applied = Applied::SomeRefused;
                    }
                }
            }
        }
        applied
    }

    async fn register(
        &mut self,
        record: &SessionRecord,
        limit: Duration,
    ) -> Result<(), RegistrarError> {
        let id = record.id();
        let held = HeldSession {
            record: record.clone(),
            is_confirmed: false,
        };
        // Before the call, whose answer may be lost, or not be waited for.
        let before = self.held.insert(id.clone(), held);
        match limited(limit, self.registrar.register(record, self.ttl)).await {
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

    async fn renew(
        &mut self,
        record: &SessionRecord,
        limit: Duration,
    ) -> Result<(), RegistrarError> {
        match limited(limit, self.registrar.renew(record.id(), self.ttl)).await {
            Ok(()) => {
                self.confirm(record);
                Ok(())
            }
            Err(RegistrarError::LeaseLost) => {
                self.log.lease_lost(record.id());
                self.register(record, limit).await
            }
            Err(error) => Err(error),
        }
    }

    async fn deregister(&mut self, id: &SessionId, limit: Duration) -> Result<(), RegistrarError> {
        match limited(limit, self.registrar.deregister(id)).await {
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
        let expiry = Expiry::At(self.clock.now().saturating_add(self.ttl));
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
    limit: Duration,
    call: impl Future<Output = Result<(), RegistrarError>>,
) -> Result<(), RegistrarError> {
    match timeout(limit, call).await {
        Ok(done) => done,
        Err(elapsed) => Err(RegistrarError::Unavailable(Box::new(elapsed))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use dcv_resolver_core::async_trait;
    use dcv_resolver_core::testing::{ManualClock, session};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    fn registrations(registrar: Arc<dyn Registrar>) -> Registrations {
        let (log, view) = (EventLog::new(), AgentView::default());
        Registrations::new(
            registrar,
            INTERVAL * 3,
            Arc::new(ManualClock::default()),
            log,
            view,
        )
    }

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
        let mut registrations = registrations(Arc::new(Refuses));
        let record = session("a");
        let wanted = Wanted::from([(record.id().clone(), record.clone())]);
        for _ in 0..2 {
            assert_eq!(
                registrations.apply(&wanted, INTERVAL).await,
                Applied::SomeRefused
            );
        }
        assert_eq!(
            registrations.apply(&Wanted::new(), INTERVAL).await,
            Applied::All
        );

        // As when the token is limited after the session was registered.
        let held = HeldSession {
            record: record.clone(),
            is_confirmed: true,
        };
        registrations.held.insert(record.id().clone(), held);
        assert_eq!(
            registrations.apply(&wanted, INTERVAL).await,
            Applied::SomeRefused
        );
        assert!(registrations.held().contains_key(record.id()));
        for expected in [Applied::SomeRefused, Applied::All] {
            assert_eq!(
                registrations.apply(&Wanted::new(), INTERVAL).await,
                expected
            );
        }
    }

    /// Is away for some sessions, and counts the renewals of the others.
    #[derive(Debug)]
    struct AwayForSome {
        hangs: bool,
        renewed: Mutex<Vec<String>>,
    }

    impl AwayForSome {
        async fn answer(&self, id: &SessionId) -> Result<(), RegistrarError> {
            if !id.as_str().starts_with("away") {
                return Ok(());
            }
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Err(RegistrarError::Unavailable("the node is down".into()))
        }
    }

    #[async_trait]
    impl Registrar for AwayForSome {
        async fn register(&self, _: &SessionRecord, _: Duration) -> Result<(), RegistrarError> {
            Ok(())
        }

        async fn renew(&self, id: &SessionId, _: Duration) -> Result<(), RegistrarError> {
            self.answer(id).await?;
            self.renewed.lock().unwrap().push(id.to_string());
            Ok(())
        }

        async fn deregister(&self, id: &SessionId) -> Result<(), RegistrarError> {
            self.answer(id).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_fail_do_not_keep_others_from_being_renewed() {
        for hangs in [false, true] {
            let registrar = Arc::new(AwayForSome {
                hangs,
                renewed: Mutex::default(),
            });
            let mut registrations = registrations(Arc::clone(&registrar) as _);
            // More than can hang in one round, before the others in the order of ids.
            let ids = (1..=9).map(|number| format!("away-{number}"));
            let ids = ids.chain(["here-1".to_owned(), "here-2".to_owned()]);
            let wanted: Wanted = ids
                .map(|id| session(&id))
                .map(|record| (record.id().clone(), record))
                .collect();
            assert_eq!(registrations.apply(&wanted, INTERVAL).await, Applied::All);

            let begun = Instant::now();
            for _ in 0..2 {
                let applied = registrations.apply(&wanted, INTERVAL).await;
                assert_eq!(applied, Applied::Unavailable);
            }
            let renewed = registrar.renewed.lock().unwrap().clone();
            assert!(renewed.contains(&"here-1".to_owned()), "{renewed:?}");
            assert!(renewed.contains(&"here-2".to_owned()), "{renewed:?}");
            assert!(begun.elapsed() <= INTERVAL * 2);

            registrar.renewed.lock().unwrap().clear();
            let begun = Instant::now();
            let renewals = registrations.apply(&wanted, INTERVAL);
            assert_eq!(renewals.await, Applied::Unavailable);
            assert_eq!(*registrar.renewed.lock().unwrap(), ["here-1", "here-2"]);
            assert!(begun.elapsed() <= INTERVAL);
        }
    }
}
