//! [`Transport`]: how the client wants to reach the DCV server.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The transport that a resolve request asks for.
///
/// The gateway sends `HTTP` for everything that runs over TCP, WebSocket
/// connections included; there is no third value. Source: *Amazon DCV
/// Connection Gateway Administrator Guide*, "Setting up a Session Resolver".
///
/// ```
/// use dcv_resolver_core::Transport;
///
/// assert_eq!("QUIC".parse(), Ok(Transport::Quic));
/// assert!("quic".parse::<Transport>().is_err());
/// ```
// Exhaustive: a third transport would have a port of its own in every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
// Derived, the error would quote any text, as it is.
#[serde(try_from = "String")]
pub enum Transport {
    /// HTTP and WebSocket over TCP.
    #[serde(rename = "HTTP")]
    Http,
    /// QUIC over UDP.
    #[serde(rename = "QUIC")]
    Quic,
}

/// An error that occurs when a string is neither `HTTP` nor `QUIC`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a transport is HTTP or QUIC, in capitals")]
#[non_exhaustive]
pub struct InvalidTransport;

impl Transport {
    /// Returns the transport as it is written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Quic => "QUIC",
        }
    }
}

impl FromStr for Transport {
    type Err = InvalidTransport;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "HTTP" => Ok(Self::Http),
            "QUIC" => Ok(Self::Quic),
            _ => Err(InvalidTransport),
        }
    }
}

impl TryFrom<String> for Transport {
    type Error = InvalidTransport;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_serde_agree() {
        for transport in [Transport::Http, Transport::Quic] {
            assert_eq!(transport.as_str().parse(), Ok(transport));
            assert_eq!(serde_json::to_value(transport).unwrap(), transport.as_str());
        }
        let error = serde_json::from_str::<Transport>(r#""H\u001bTTP""#).unwrap_err();
        assert!(
            error.to_string().starts_with(&InvalidTransport.to_string()),
            "{error}"
        );
    }

    #[test]
    fn other_spelling_is_rejected() {
        for text in ["", "http", "Quic", "WEBSOCKET", "HTTP ", "HTTP,QUIC"] {
            assert_eq!(text.parse::<Transport>(), Err(InvalidTransport), "{text:?}");
        }
    }
}
