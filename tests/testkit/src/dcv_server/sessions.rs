//! [`Sessions`]: what a DCV server runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::dcv_session::DcvSession;

/// The sessions of one server; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<Vec<DcvSession>>>);

impl Sessions {
    pub(super) fn replace(&self, sessions: Vec<DcvSession>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sessions;
    }

    pub(super) fn find(&self, id: &str) -> Option<DcvSession> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().find(|session| session.id() == id).cloned()
    }
}
