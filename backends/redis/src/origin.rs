//! [`Origin`]: where the connection of a store comes from.

use std::fmt;

use crate::connection::RedisConnection;
use crate::servers::Servers;

/// Where the connection of a store comes from. Displays as the addresses of the
/// servers.
#[derive(Debug)]
pub(crate) enum Origin {
    Servers(Box<Servers>),
    Given(RedisConnection),
}

impl Origin {
    /// Whether this store makes its connections, and can replace them.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Servers(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Servers(servers) => servers.topology.fmt(f),
            Self::Given(_) => f.write_str("the given connection"),
        }
    }
}
