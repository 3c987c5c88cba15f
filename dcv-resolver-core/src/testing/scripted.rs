use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{SessionId, SessionRecord, SessionStore, StoreError, StoreErrorKind};

/// What a [`ScriptedStore`] does when it is called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Reply {
    /// Return this record, whatever the id.
    Record(SessionRecord),
    /// Return that there is no such session.
    Absent,
    /// Fail with an error of this kind.
    Fail(StoreErrorKind),
    /// Never complete.
    Hang,
    /// Panic, as a store with a bug would.
    Panic,
}

/// A store that follows a script: one [`Reply`] for each call of `lookup` or
/// `ping`, and the last one forever.
///
/// ```
/// use dcv_resolver_core::{SessionStore, StoreErrorKind, testing::{Reply, ScriptedStore}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = ScriptedStore::sequence([Reply::Fail(StoreErrorKind::Unavailable)], Reply::Absent);
/// assert!(store.lookup(&"console".parse()?).await.is_err());
/// assert_eq!(store.lookup(&"console".parse()?).await?, None);
/// # Ok(())
/// # }
/// ```
pub struct ScriptedStore {
    first: Mutex<VecDeque<Reply>>,
    then: Reply,
}

impl ScriptedStore {
    /// Creates a store that always replies with `reply`.
    #[must_use]
    pub fn always(reply: Reply) -> Self {
        Self::sequence([], reply)
    }

    /// Creates a store that replies with `first`, one for each call, and then
    /// always with `then`.
    #[must_use]
    pub fn sequence(first: impl IntoIterator<Item = Reply>, then: Reply) -> Self {
        Self {
            first: Mutex::new(first.into_iter().collect()),
            then,
        }
    }

    fn next(&self) -> Reply {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .unwrap_or_else(|| self.then.clone())
    }
}

/// Shows how many replies are left, but no record.
impl fmt::Debug for ScriptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("ScriptedStore")
            .field("replies_left", &first.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for ScriptedStore {
    #[expect(clippy::panic, reason = "the script says so")]
    async fn lookup(&self, _id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self.next() {
            Reply::Record(record) => Ok(Some(record)),
            Reply::Absent => Ok(None),
            Reply::Fail(kind) => Err(StoreError::new("scripted", kind)),
            Reply::Hang => std::future::pending().await,
            Reply::Panic => panic!("the script says so"),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match self.next() {
            Reply::Record(_) | Reply::Absent => Ok(()),
            Reply::Fail(kind) => Err(StoreError::new("scripted", kind)),
            Reply::Hang => std::future::pending().await,
            #[expect(clippy::panic, reason = "the script says so")]
            Reply::Panic => panic!("the script says so"),
        }
    }
}
