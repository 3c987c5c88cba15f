//! [`Topology`]: where the servers are.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server.
    Single(Node),
    /// The master that the sentinels name.
    Sentinel {
        sentinels: Vec<Node>,
        service: String,
    },
    /// The cluster that any of the seeds is a node of.
    Cluster { seeds: Vec<Node> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What a client authenticates with. `Debug` prints only the user.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: String,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = match self {
            Self::Single(node) => return node.fmt(f),
            Self::Sentinel { sentinels, service } => {
                write!(f, "{service} of the sentinels ")?;
                sentinels
            }
            Self::Cluster { seeds } => {
                f.write_str("the cluster of ")?;
                seeds
            }
        };
        for (number, node) in nodes.iter().enumerate() {
            write!(f, "{}{node}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
