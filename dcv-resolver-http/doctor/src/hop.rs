//! [`Hop`]: what was found out about one hop of the path.

use std::fmt;

use serde::Serialize;

/// A hop between a client's link and the DCV server, in the order of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HopKind {
    /// The link that the client opens.
    Link,
    /// The gateway's configuration file.
    GatewayConfig,
    /// Proxy variables that apply to the names on the path.
    Proxy,
    /// The addresses of the resolver's name.
    ResolverName,
    /// The resolver's TCP port.
    ResolverPort,
    /// The resolver's certificate, or that it speaks plain HTTP.
    ResolverTls,
    /// The client certificate that the gateway presents to the resolver.
    ClientCertificate,
    /// The resolver's answer for HTTP and WebSocket.
    AnswerHttp,
    /// The resolver's answer for QUIC.
    AnswerQuic,
    /// How the resolver explains its answer.
    Explanation,
    /// The addresses of the DCV server's name.
    ServerName,
    /// The DCV server's TCP port.
    ServerPort,
    /// The DCV server's UDP port.
    ServerUdpPort,
    /// The DCV server's certificate.
    ServerTls,
    /// The page at the DCV server's path.
    ServerPage,
    /// A WebSocket upgrade on the DCV server.
    ServerWebSocket,
    /// The DCV server's configuration file.
    ServerConfig,
}

impl HopKind {
    /// Returns the name of the hop, for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::GatewayConfig => "gateway configuration",
            Self::Proxy => "proxy variables",
            Self::ResolverName => "resolver's name",
            Self::ResolverPort => "resolver's port",
            Self::ResolverTls => "resolver's TLS",
            Self::ClientCertificate => "client certificate",
            Self::AnswerHttp => "answer for HTTP",
            Self::AnswerQuic => "answer for QUIC",
            Self::Explanation => "resolver's explanation",
            Self::ServerName => "DCV server's name",
            Self::ServerPort => "DCV server's TCP port",
            Self::ServerUdpPort => "DCV server's UDP port",
            Self::ServerTls => "DCV server's TLS",
            Self::ServerPage => "DCV server's page",
            Self::ServerWebSocket => "DCV server's WebSocket",
            Self::ServerConfig => "DCV server's configuration",
        }
    }
}

impl fmt::Display for HopKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The hop works.
    Ok,
    /// The hop works but deserves attention, or it is not certain that it is
    /// the cause.
    Warn,
    /// The hop does not work.
    Fail,
    /// Nothing is known about the hop.
    NotChecked,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
            Self::NotChecked => "not checked",
        })
    }
}

/// A cause, and the one thing to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong, as a clause without a full stop.
    pub cause: String,
    /// What to do about it, as a clause without a full stop.
    pub change: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause, self.change)
    }
}

/// What was found out about one hop. A hop with several problems appears several
/// times.
///
/// Displays as one line. No text in it is a secret: see
/// [the crate](crate#secrets).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Hop {
    /// The kind of the hop.
    #[serde(rename = "hop")]
    pub kind: HopKind,
    /// The state of the hop.
    pub status: Status,
    /// What was found, or why nothing was checked.
    pub detail: String,
    /// What is wrong and what to change, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

impl Hop {
    /// Returns a hop that works.
    #[must_use]
    pub fn ok(kind: HopKind, detail: impl Into<String>) -> Self {
        Self::new(kind, Status::Ok, detail.into(), None)
    }

    /// Returns a hop about which nothing is known, and why.
    #[must_use]
    pub fn not_checked(kind: HopKind, why: impl Into<String>) -> Self {
        Self::new(kind, Status::NotChecked, why.into(), None)
    }

    /// Returns a hop that deserves attention but needs no change.
    #[must_use]
    pub fn note(kind: HopKind, detail: impl Into<String>) -> Self {
        Self::new(kind, Status::Warn, detail.into(), None)
    }

    /// Returns a hop that may be the cause.
    #[must_use]
    pub fn warn(kind: HopKind, cause: impl Into<String>, change: impl Into<String>) -> Self {
        Self::found(kind, Status::Warn, cause.into(), change.into())
    }

    /// Returns a hop that does not work.
    #[must_use]
    pub fn fail(kind: HopKind, cause: impl Into<String>, change: impl Into<String>) -> Self {
        Self::found(kind, Status::Fail, cause.into(), change.into())
    }

    fn found(kind: HopKind, status: Status, cause: String, change: String) -> Self {
        let finding = Finding { cause, change };
        Self::new(kind, status, finding.cause.clone(), Some(finding))
    }

    const fn new(kind: HopKind, status: Status, detail: String, finding: Option<Finding>) -> Self {
        Self {
            kind,
            status,
            detail,
            finding,
        }
    }

    /// Returns whether the hop does not work.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.status == Status::Fail
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            status,
            detail,
            ..
        } = self;
        write!(f, "{status:<13}{kind}: {detail}")
    }
}
