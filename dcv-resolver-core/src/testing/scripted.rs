use std::fmt;

use async_trait::async_trait;

use super::script::Script;
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
pub struct ScriptedStore(Script<Reply>);

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
        Self(Script::new(first, then))
    }
}

/// Shows how many replies are left, but no record.
impl fmt::Debug for ScriptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedStore")
            .field("replies_left", &self.0.left())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for ScriptedStore {
    #[expect(clippy::panic, reason = "the script says so")]
    async fn lookup(&self, _id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self.0.next() {
            Reply::Record(record) => Ok(Some(record)),
            Reply::Absent => Ok(None),
            Reply::Fail(kind) => Err(StoreError::new("scripted", kind)),
            Reply::Hang => std::future::pending().await,
            Reply::Panic => panic!("the script says so"),
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        match self.0.next() {
            Reply::Record(_) | Reply::Absent => Ok(()),
            Reply::Fail(kind) => Err(StoreError::new("scripted", kind)),
            Reply::Hang => std::future::pending().await,
            #[expect(clippy::panic, reason = "the script says so")]
            Reply::Panic => panic!("the script says so"),
        }
    }
}
