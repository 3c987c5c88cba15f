//! [`Key`]: the id that an entry is cached under.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use dcv_resolver_core::{SessionId, SessionRecord};

/// The id that an entry is cached under. Where the entry has a record, the key
/// is that record, so that the id is stored once.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    Known(SessionRecord),
    Unknown(Box<SessionId>),
}

impl Key {
    pub(crate) fn new(id: &SessionId, record: Option<&SessionRecord>) -> Self {
        match record {
            Some(record) if record.id() == id => Self::Known(record.clone()),
            // A store may return the record of another session, which the
            // resolver then rejects.
            _ => Self::Unknown(Box::new(id.clone())),
        }
    }

    fn id(&self) -> &SessionId {
        match self {
            Self::Known(record) => record.id(),
            Self::Unknown(id) => id,
        }
    }
}

impl Borrow<SessionId> for Key {
    fn borrow(&self) -> &SessionId {
        self.id()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use dcv_resolver_core::Expiry;

    use super::*;

    #[test]
    fn key_has_the_id_that_was_looked_up() {
        let id = |text: &str| -> SessionId { text.parse().unwrap() };
        let record = SessionRecord::builder(id("a"), "192.0.2.7".parse().unwrap(), Expiry::Never)
            .http_port(8443)
            .build()
            .unwrap();
        assert_eq!(Key::new(&id("a"), Some(&record)).id(), &id("a"));
        assert_eq!(Key::new(&id("b"), Some(&record)).id(), &id("b"));
        assert_eq!(Key::new(&id("b"), None).id(), &id("b"));
    }
}
