//! [`Answer`]: what a resolver says about a session.

use dcv_resolver_core::{Host, SessionId, Transport, WebUrlPath};

/// The answer of a resolver about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The session runs at this destination: status 200.
    Found(Destination),
    /// There is no such session for this transport, or not for this client:
    /// status 404.
    NotFound(NotFoundAnswer),
}

impl Answer {
    /// Returns the destination, if there is one.
    #[must_use]
    pub fn destination(&self) -> Option<&Destination> {
        match self {
            Self::Found(destination) => Some(destination),
            Self::NotFound(_) => None,
        }
    }
}

/// The destination of a session: the five keys of an answer.
// Exhaustive: the contract has exactly five keys, and code that takes a destination
// apart must not ignore one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The id on the DCV server, which may differ from the one asked for.
    pub session_id: SessionId,
    /// The transport asked for.
    pub transport: Transport,
    /// The DCV server.
    pub host: Host,
    /// The port: TCP for HTTP, UDP for QUIC. It is not 0.
    pub port: u16,
    /// The path of the DCV server's web client.
    pub web_url_path: WebUrlPath,
}

/// The reason why there is no destination, as far as the resolver gives one.
/// The contract prescribes no body, so every field may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NotFoundAnswer {
    /// A stable identifier, such as `expired`. `dcv-resolver` sends one.
    pub reason: Option<String>,
    /// A sentence for people.
    pub detail: Option<String>,
    /// Whether the body is a web page, perhaps one of a web server that does
    /// not know the path.
    pub is_html: bool,
}
