//! How long the report and each call for it may take: a person waits.

use std::time::Duration;

/// How long a connection may take: a port that nothing answers behind a firewall
/// takes all of it.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);

/// How long a response may take. A resolver that takes longer is too slow for a
/// gateway.
pub(crate) const RESPONSE: Duration = Duration::from_secs(3);

/// How long everything may take together. Less than 10 s, with what a program needs
/// to end.
pub(crate) const TOTAL: Duration = Duration::from_secs(9);
