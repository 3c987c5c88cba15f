//! [`Target`]: a server as its clients know it.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// The name that the certificates of servers are for.
pub(crate) const NAME: &str = "resolver.example";

/// Where it is, and how many sessions it has. On the command line it is
/// `http:ADDRESS:SESSIONS`.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) sessions: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It answers every request in the same way.
    Floor,
    Http,
    Https,
}

const KINDS: [(&str, Kind); 3] = [
    ("floor", Kind::Floor),
    ("http", Kind::Http),
    ("https", Kind::Https),
];

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(_, kind)| *kind == self.kind);
        let name = name.map_or("", |(name, _)| name);
        write!(f, "{name}:{}:{}", self.address, self.sessions)
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected http:ADDRESS:SESSIONS, or https: or floor:";

        let (name, rest) = text.split_once(':').ok_or(EXPECTED)?;
        let (address, sessions) = rest.rsplit_once(':').ok_or(EXPECTED)?;
        let (_, kind) = *KINDS.iter().find(|kind| kind.0 == name).ok_or(EXPECTED)?;
        Ok(Self {
            kind,
            address: address.parse().map_err(|_| EXPECTED)?,
            sessions: sessions.parse().map_err(|_| EXPECTED)?,
        })
    }
}
