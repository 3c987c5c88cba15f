//! [`reconcile`]: from the sessions that should be registered and those that
//! are, to what has to be done.

use std::collections::BTreeMap;

use dcv_resolver_core::{SessionId, SessionRecord, SessionState};

/// What an agent has registered.
pub(crate) type Held = BTreeMap<SessionId, HeldSession>;

/// The sessions that should be registered.
pub(crate) type Wanted = BTreeMap<SessionId, SessionRecord>;

/// A session that the agent has registered, or may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldSession {
    pub(crate) record: SessionRecord,
    /// Whether it is known that the record is stored: an answer may be lost.
    pub(crate) is_confirmed: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Register(SessionRecord),
    Renew(SessionRecord),
    Deregister(SessionId),
}

impl Action {
    pub(crate) fn id(&self) -> &SessionId {
        match self {
            Self::Register(record) | Self::Renew(record) => record.id(),
            Self::Deregister(id) => id,
        }
    }
}

/// Returns the steps: first those that keep sessions reachable.
pub(crate) fn reconcile(wanted: &Wanted, held: &Held) -> Vec<Action> {
    let keep = wanted.iter().map(|(id, record)| match held.get(id) {
        Some(held) if held.is_confirmed && held.record == *record => Action::Renew(record.clone()),
        _ => Action::Register(record.clone()),
    });
    let remove = held.keys().filter(|id| !wanted.contains_key(*id));
    keep.chain(remove.cloned().map(Action::Deregister))
        .collect()
}

/// Returns what should be registered while the sessions cannot be listed: the
/// same as before, so that no user is sent away because a command failed;
/// or, once that has lasted, the same sessions in the state UNKNOWN.
pub(crate) fn without_a_list(held: &Held, is_lost: bool) -> Wanted {
    let records = held.iter().map(|(id, held)| {
        let record = held.record.clone();
        let record = match is_lost {
            false => record,
            true => record
                .to_builder()
                .state(SessionState::Unknown)
                .build()
                .unwrap_or(record),
        };
        (id.clone(), record)
    });
    records.collect()
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::Expiry;

    use super::*;

    fn record(id: &str, port: u16) -> SessionRecord {
        let host = "ws-17.dcv.example".parse().unwrap();
        SessionRecord::builder(id.parse().unwrap(), host, Expiry::Never)
            .http_port(port)
            .build()
            .unwrap()
    }

    fn wanted(records: &[SessionRecord]) -> Wanted {
        let records = records.iter().cloned();
        records
            .map(|record| (record.id().clone(), record))
            .collect()
    }

    fn held(records: &[SessionRecord], is_confirmed: bool) -> Held {
        let records = records.iter().cloned();
        records
            .map(|record| {
                let id = record.id().clone();
                (
                    id,
                    HeldSession {
                        record,
                        is_confirmed,
                    },
                )
            })
            .collect()
    }

    #[test]
    fn new_session_is_registered_known_one_renewed_and_ended_one_removed() {
        let (new, known, ended) = (record("a", 1), record("b", 1), record("c", 1));
        assert_eq!(
            reconcile(
                &wanted(&[new.clone(), known.clone()]),
                &held(&[known.clone(), ended.clone()], true)
            ),
            [
                Action::Register(new),
                Action::Renew(known),
                Action::Deregister(ended.id().clone()),
            ]
        );
    }

    #[test]
    fn changed_session_is_registered_again() {
        let (before, after) = (record("a", 1), record("a", 2));
        assert_eq!(
            reconcile(
                &wanted(std::slice::from_ref(&after)),
                &held(&[before], true)
            ),
            [Action::Register(after)]
        );
    }

    #[test]
    fn session_whose_registration_is_unknown_is_registered_again_or_removed() {
        let session = record("a", 1);
        let unconfirmed = held(std::slice::from_ref(&session), false);
        assert_eq!(
            reconcile(&wanted(std::slice::from_ref(&session)), &unconfirmed),
            [Action::Register(session.clone())]
        );
        assert_eq!(
            reconcile(&Wanted::new(), &unconfirmed),
            [Action::Deregister(session.id().clone())]
        );
    }

    #[test]
    fn without_a_list_no_session_is_removed_and_one_state_changes_later() {
        let session = record("a", 1);
        let held = held(std::slice::from_ref(&session), true);
        assert_eq!(
            reconcile(&without_a_list(&held, false), &held),
            [Action::Renew(session.clone())]
        );
        let unknown = session.to_builder().state(SessionState::Unknown).build();
        assert_eq!(
            reconcile(&without_a_list(&held, true), &held),
            [Action::Register(unknown.unwrap())]
        );
    }
}
