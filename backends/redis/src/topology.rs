//! [`Topology`]: where the servers are.

use std::fmt;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Topology {
    /// One server.
    Single(Endpoint),
    /// The master that the sentinels name.
    Sentinel {
        sentinels: Vec<Node>,
        service: String,
    },
    /// The cluster that any of the seeds is a node of.
    Cluster { seeds: Vec<Node> },
}

/// Where one server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Tcp(Node),
    /// A Unix socket.
    Unix(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = match self {
            Self::Single(endpoint) => return endpoint.fmt(f),
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(node) => node.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
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
