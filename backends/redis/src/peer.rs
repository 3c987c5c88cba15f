//! [`Peer`]: the server at the other end, as errors name it.

use std::fmt;
use std::io::ErrorKind;

use dcv_resolver_core::StoreErrorKind;

use crate::failure::Failure;
use crate::topology::{Endpoint, Node};

/// The server at the other end.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    /// A server that holds sessions, which the settings name.
    Server(Endpoint),
    Sentinel(Node),
    /// A node that a cluster announces.
    Node(Node),
    /// The master that a sentinel names.
    Master {
        master: Node,
        service: String,
        sentinel: Node,
    },
}

/// What the settings say about the connection, for hints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered {
    pub(crate) tls: bool,
    pub(crate) client_certificate: bool,
    pub(crate) login: bool,
}

impl Peer {
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Server(endpoint) => endpoint.clone(),
            Self::Sentinel(node) | Self::Node(node) | Self::Master { master: node, .. } => {
                Endpoint::Tcp(node.clone())
            }
        }
    }

    /// Names the peer in a failure to connect, and adds what to do.
    pub(crate) fn explain(&self, failure: Failure, offered: Offered) -> Failure {
        if failure.kind() == StoreErrorKind::InvalidConfig {
            return failure;
        }
        let (user, file) = match self {
            Self::Sentinel(_) => ("sentinel_username", "sentinel_password_file"),
            _ => ("username", "password_file"),
        };
        let text = match failure.code() {
            Some("NOAUTH") if !offered.login => {
                format!("{self} requires a password, and none is set for it; set {file}")
            }
            Some("WRONGPASS") => rejected(self, user, file),
            None if failure.kind() == StoreErrorKind::AccessDenied => rejected(self, user, file),
            _ => match certificates(&failure, offered)
                .or_else(|| self.announced(&failure))
                .or_else(|| scheme(&failure, offered))
            {
                Some(hint) => format!("{self}: {failure}; {hint}"),
                None => format!("{self}: {failure}"),
            },
        };
        failure.with_text(text)
    }

    /// Returns what to do if the address itself is wrong.
    fn announced(&self, failure: &Failure) -> Option<&'static str> {
        if !failure.is_closed() && !failure.is_timeout() {
            return None;
        }
        match self {
            Self::Server(_) | Self::Sentinel(_) => None,
            Self::Node(_) => Some(
                "if this machine cannot reach that address, set cluster-announce-ip, cluster-announce-port or cluster-announce-hostname on the node",
            ),
            Self::Master { .. } => Some(
                "if this machine cannot reach that address, set replica-announce-ip on the server, and the same address in sentinel monitor",
            ),
        }
    }
}

fn rejected(peer: &Peer, user: &str, file: &str) -> String {
    format!("{peer} rejects the user or the password; check {user} and {file}")
}

/// Returns what is wrong with the certificates.
fn certificates(failure: &Failure, offered: Offered) -> Option<&'static str> {
    let text = failure.to_string();
    let has = |word: &str| text.contains(word);
    if has("UnknownIssuer") {
        Some("set ca_file to the certificate authority of the server")
    } else if has("CertificateRequired") || has("HandshakeFailure") && !offered.client_certificate {
        Some("it requires a client certificate; set certificate_file and key_file")
    } else {
        None
    }
}

/// Returns what to do if one side uses TLS and the other does not.
fn scheme(failure: &Failure, offered: Offered) -> Option<&'static str> {
    let has_closed = matches!(
        failure.io_kind(),
        Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
    );
    let is_garbled = failure.kind() == StoreErrorKind::Incompatible
        || failure.to_string().contains("InvalidContentType");
    if offered.tls && (has_closed || is_garbled || failure.is_timeout()) {
        Some("if the port is one without TLS, use redis:// instead of rediss://")
    } else if !offered.tls && (has_closed || is_garbled) {
        Some("if the port is one with TLS, use rediss:// instead of redis://")
    } else {
        None
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(endpoint) => write!(f, "the server {endpoint}"),
            Self::Sentinel(node) => write!(f, "the sentinel {node}"),
            Self::Node(node) => write!(f, "the node {node} that the cluster announces"),
            Self::Master {
                master,
                service,
                sentinel,
            } => write!(
                f,
                "the server {master} (the master of {service}, according to the sentinel {sentinel})"
            ),
        }
    }
}
