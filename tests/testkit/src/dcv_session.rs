//! [`DcvSession`]: a session that a DCV server runs.

use serde::Serialize;

/// A session that a [`DcvServerStandIn`](crate::DcvServerStandIn) runs.
///
/// Serializes as `dcv list-sessions --json` prints it. The shape of that is not
/// documented: the keys are those that public consumers read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DcvSession {
    id: String,
    owner: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    num_of_connections: u32,
    creation_time: &'static str,
    /// Empty while no client has disconnected.
    last_disconnection_time: &'static str,
}

impl DcvSession {
    /// Creates the console session of a server, with the id `console`.
    #[must_use]
    pub fn console(owner: &str) -> Self {
        Self::new("console", owner, "console")
    }

    /// Creates a virtual session, of which a Linux server may run several.
    #[must_use]
    pub fn virtual_session(id: &str, owner: &str) -> Self {
        Self::new(id, owner, "virtual")
    }

    fn new(id: &str, owner: &str, kind: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            owner: owner.to_owned(),
            name: id.to_owned(),
            kind,
            num_of_connections: 0,
            creation_time: "2026-01-02T03:04:05.000000Z",
            last_disconnection_time: "",
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }
}
