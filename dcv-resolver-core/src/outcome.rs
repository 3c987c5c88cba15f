//! [`Outcome`]: the destination, or why there is none.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{Denial, SessionRecord, SessionState, Timestamp, Transport};

/// The decision of the [`Resolver`](crate::Resolver).
///
/// The failure of a store or a policy is not an outcome but a
/// [`ResolveError`](crate::ResolveError).
// Exhaustive: there is a destination or there is none, and a caller that had to
// allow for more could not answer a gateway. New reasons go into `NotFound`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The gateway can connect to this destination.
    Found(Resolution),
    /// The gateway cannot connect, for this reason.
    NotFound(NotFound),
}

impl Outcome {
    /// Returns the destination, if there is one.
    #[must_use]
    pub fn resolution(&self) -> Option<&Resolution> {
        match self {
            Self::Found(resolution) => Some(resolution),
            Self::NotFound(_) => None,
        }
    }

    /// Returns why there is no destination, or `None` if there is one.
    #[must_use]
    pub fn not_found(&self) -> Option<&NotFound> {
        match self {
            Self::Found(_) => None,
            Self::NotFound(not_found) => Some(not_found),
        }
    }

    /// Returns the machine-readable [reason](NotFound::reason) why there is no
    /// destination, or `None` if there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.not_found().map(NotFound::reason)
    }

    /// Returns the destination, or why there is none, as a `Result`.
    ///
    /// # Errors
    ///
    /// [`NotFound`] when there is no destination.
    pub fn into_result(self) -> Result<Resolution, NotFound> {
        match self {
            Self::Found(resolution) => Ok(resolution),
            Self::NotFound(not_found) => Err(not_found),
        }
    }
}

/// A destination. It serializes as the JSON object that the gateway expects,
/// with exactly five keys, none of them null.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Setting up a
/// Session Resolver".
///
/// ```
/// use dcv_resolver_core::{Expiry, Resolution, SessionRecord, Transport};
///
/// let record = SessionRecord::builder("console".parse()?, "192.0.2.7".parse()?, Expiry::Never)
///     .http_port(8443)
///     .build()?;
/// let resolution = Resolution::new(record, Transport::Http).ok_or("HTTP is offered")?;
/// assert_eq!(
///     serde_json::to_string(&resolution)?,
///     r#"{"SessionId":"console","TransportProtocol":"HTTP","DcvServerEndpoint":"192.0.2.7","Port":8443,"WebUrlPath":"/"}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// It holds the record, not copies of its parts: an answer costs no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    record: SessionRecord,
    transport: Transport,
    port: u16,
}

impl Resolution {
    /// Returns the destination for `transport` on the server of `record`, or
    /// `None` if that server does not offer it. No other rule is checked here.
    #[must_use]
    pub fn new(record: SessionRecord, transport: Transport) -> Option<Self> {
        record.port(transport).map(|port| Self {
            record,
            transport,
            port,
        })
    }

    /// Returns the record that the answer comes from.
    #[must_use]
    pub fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// Returns the transport asked for.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the port to connect to: TCP for HTTP, UDP for QUIC.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wire<'a> {
            session_id: &'a str,
            transport_protocol: Transport,
            dcv_server_endpoint: &'a str,
            port: u16,
            web_url_path: &'a str,
        }
        Wire {
            session_id: self.record.target_id().as_str(),
            transport_protocol: self.transport,
            dcv_server_endpoint: self.record.host().as_str(),
            port: self.port,
            web_url_path: self.record.web_url_path().as_str(),
        }
        .serialize(serializer)
    }
}

/// The reason why there is no destination.
///
/// Displays as a sentence that names no host and no other session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFound {
    /// The store holds no such session.
    #[error("no session has this id")]
    Unknown,
    /// The session has expired.
    #[error("the session expired at {expired_at}")]
    Expired {
        /// When it expired.
        expired_at: Timestamp,
    },
    /// The session is known, but clients cannot connect to it.
    #[error("the session is {state}, not READY")]
    NotReady {
        /// The state it is in.
        state: SessionState,
    },
    /// The session's server does not offer the transport asked for.
    #[error("the session's server does not offer {transport}")]
    TransportNotOffered {
        /// The transport asked for.
        transport: Transport,
    },
    /// A [`Policy`](crate::Policy) denies the client access to the session.
    #[error("{denial}")]
    Denied {
        /// The name of the policy, for operators. It is not displayed.
        policy: Arc<str>,
        /// The policy's reason, as a sentence.
        denial: Denial,
    },
}

impl NotFound {
    /// Returns the reason as a stable identifier for logs, metrics and problem
    /// documents.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired { .. } => "expired",
            Self::NotReady { .. } => "not_ready",
            Self::TransportNotOffered { .. } => "transport_not_offered",
            Self::Denied { .. } => "denied",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::session;

    #[test]
    fn outcome_is_a_destination_or_a_reason() {
        let resolution = Resolution::new(session("console"), Transport::Quic).unwrap();
        assert_eq!(resolution.record(), &session("console"));
        assert_eq!(resolution.transport(), Transport::Quic);
        let found = Outcome::Found(resolution.clone());
        assert_eq!(found.resolution(), Some(&resolution));
        assert_eq!((found.not_found(), found.reason()), (None, None));
        assert_eq!(found.into_result(), Ok(resolution));

        let unknown = Outcome::NotFound(NotFound::Unknown);
        assert_eq!(unknown.resolution(), None);
        assert_eq!(unknown.not_found(), Some(&NotFound::Unknown));
        assert_eq!(unknown.reason(), Some("unknown"));
        assert_eq!(unknown.into_result(), Err(NotFound::Unknown));
    }
}
