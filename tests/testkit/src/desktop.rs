//! [`Desktop`]: what a client is connected to.

use serde::{Deserialize, Serialize};

/// The desktop that a client is connected to, as the DCV server reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Desktop {
    /// The name of the [`DcvServerStandIn`](crate::DcvServerStandIn).
    pub server: String,
    /// The id of the session on that server, which may differ from the one that
    /// the client has asked for.
    pub session: String,
    /// The user whose token was accepted, or the owner of the session if tokens
    /// are not verified.
    pub user: String,
}
