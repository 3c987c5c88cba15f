//! How long each call may take: a person waits for the report.

use std::time::Duration;

/// How long a connection may take: a port that nothing answers behind a firewall
/// takes all of it.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);

/// How long a response may take. A resolver that takes longer is too slow for a
/// gateway.
pub(crate) const RESPONSE: Duration = Duration::from_secs(3);
