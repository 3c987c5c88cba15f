//! [`Violation`]: a rule of the contract that an answer breaks.

use std::fmt;

use dcv_resolver_core::escape::escaped;
use dcv_resolver_core::{InvalidHost, InvalidSessionId, InvalidWebUrlPath, Transport};

/// The maximum length of an answer's text that a message quotes, in bytes.
const MAX_QUOTED_BYTES: usize = 128;

/// A rule of the contract that an answer with status 200, or a redirect, breaks.
///
/// Displays as one sentence, with what the resolver sent escaped and truncated.
///
/// Source: *Amazon DCV Connection Gateway Administrator Guide*, "Setting up a
/// Session Resolver".
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The status is 3xx. The contract has only 200 and 404.
    Redirect {
        /// The status.
        status: u16,
        /// Where it points.
        location: Option<String>,
    },
    /// The status is 200 and the body is empty.
    EmptyBody,
    /// The body is a web page.
    Html,
    /// The body is not JSON.
    NotJson {
        /// What the parser says, with line and column.
        reason: String,
    },
    /// The body is JSON, but not an object.
    NotAnObject {
        /// What it is.
        found: JsonType,
    },
    /// A key is missing.
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A key is in another case, or has underscores or hyphens.
    MisspelledKey {
        /// The key.
        key: &'static str,
        /// The key as it is written in the answer.
        found: String,
    },
    /// A key occurs more than once.
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A value is null.
    Null {
        /// The key.
        key: &'static str,
    },
    /// A value has another type, such as a port that is a string.
    WrongType {
        /// The key.
        key: &'static str,
        /// The type that the contract has.
        expected: JsonType,
        /// The type of the value.
        found: JsonType,
    },
    /// The port is not an integer from 1 to 65535.
    InvalidPort {
        /// The number.
        found: String,
    },
    /// The host is not a bare DNS name or address: it has a scheme, a port or
    /// brackets, for example.
    InvalidHost {
        /// The value.
        found: String,
        /// What is wrong with it.
        reason: InvalidHost,
    },
    /// The session id is empty, too long or has control characters.
    InvalidSessionId {
        /// What is wrong with it.
        reason: InvalidSessionId,
    },
    /// The path does not start with `/`, or has characters that a path cannot
    /// have.
    InvalidWebUrlPath {
        /// The value.
        found: String,
        /// What is wrong with it.
        reason: InvalidWebUrlPath,
    },
    /// The transport is not the one asked for.
    OtherTransport {
        /// The transport asked for.
        asked: Transport,
        /// The value.
        found: String,
    },
    /// The path is empty instead of `/`. [Tolerated](Self::is_tolerated).
    EmptyWebUrlPath,
    /// There is a key besides the five. [Tolerated](Self::is_tolerated).
    AdditionalKey {
        /// The key.
        key: String,
    },
    /// The content type is not `application/json`.
    /// [Tolerated](Self::is_tolerated).
    ContentType {
        /// The content type, if there is one.
        found: Option<String>,
    },
}

/// A type of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonType {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Violation {
    /// Returns whether a gateway, as far as is known, uses the answer
    /// nevertheless: the sample of AWS itself is served as `text/html`, and the
    /// Session Manager Broker returns empty paths.
    ///
    /// [`ResolverClient::resolve`](crate::ResolverClient::resolve) uses such an
    /// answer too.
    #[must_use]
    pub fn is_tolerated(&self) -> bool {
        matches!(
            self,
            Self::EmptyWebUrlPath | Self::AdditionalKey { .. } | Self::ContentType { .. }
        )
    }

    /// Returns a stable identifier of the rule, for programs.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Redirect { .. } => "redirect",
            Self::EmptyBody => "empty_body",
            Self::Html => "html",
            Self::NotJson { .. } => "not_json",
            Self::NotAnObject { .. } => "not_an_object",
            Self::MissingKey { .. } => "missing_key",
            Self::MisspelledKey { .. } => "misspelled_key",
            Self::DuplicateKey { .. } => "duplicate_key",
            Self::Null { .. } => "null",
            Self::WrongType { .. } => "wrong_type",
            Self::InvalidPort { .. } => "invalid_port",
            Self::InvalidHost { .. } => "invalid_host",
            Self::InvalidSessionId { .. } => "invalid_session_id",
            Self::InvalidWebUrlPath { .. } => "invalid_web_url_path",
            Self::OtherTransport { .. } => "other_transport",
            Self::EmptyWebUrlPath => "empty_web_url_path",
            Self::AdditionalKey { .. } => "additional_key",
            Self::ContentType { .. } => "content_type",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| format!("\"{}\"", escaped(text, MAX_QUOTED_BYTES));
        match self {
            Self::Redirect { status, location } => {
                write!(f, "the answer is a redirect ({status}")?;
                if let Some(location) = location {
                    write!(f, " to {}", quoted(location))?;
                }
                f.write_str("); answer the request itself, with 200 or 404")
            }
            Self::EmptyBody => f.write_str("the status is 200, but the body is empty"),
            Self::Html => f.write_str(
                "the body is a web page instead of JSON; perhaps another server answered",
            ),
            Self::NotJson { reason } => {
                let reason = escaped(reason, MAX_QUOTED_BYTES);
                write!(f, "the body is not JSON: {reason}")
            }
            Self::NotAnObject { found } => {
                write!(f, "the body is {found}; expected an object")
            }
            Self::MissingKey { key } => write!(f, "the key {key} is missing"),
            Self::MisspelledKey { key, found } => {
                write!(f, "the key {} is written {key}", quoted(found))
            }
            Self::DuplicateKey { key } => write!(f, "the key {key} occurs more than once"),
            Self::Null { key } => write!(f, "{key} is null"),
            Self::WrongType {
                key,
                expected,
                found,
            } => write!(f, "{key} is {found}; expected {expected}"),
            Self::InvalidPort { found } => {
                let found = escaped(found, MAX_QUOTED_BYTES);
                write!(f, "Port is {found}; expected an integer from 1 to 65535")
            }
            Self::InvalidHost { found, reason } => {
                write!(f, "DcvServerEndpoint is {}: {reason}", quoted(found))
            }
            Self::InvalidSessionId { reason } => write!(f, "SessionId is invalid: {reason}"),
            Self::InvalidWebUrlPath { found, reason } => {
                write!(f, "WebUrlPath is {}: {reason}", quoted(found))
            }
            Self::OtherTransport { asked, found } => write!(
                f,
                "TransportProtocol is {}; expected \"{asked}\", which was asked for",
                quoted(found)
            ),
            Self::EmptyWebUrlPath => {
                f.write_str("WebUrlPath is empty; expected a path that starts with \"/\"")
            }
            Self::AdditionalKey { key } => {
                write!(f, "there is a key besides the five: {}", quoted(key))
            }
            Self::ContentType { found: None } => {
                f.write_str("there is no content type; expected application/json")
            }
            Self::ContentType { found: Some(found) } => write!(
                f,
                "the content type is {}; expected application/json",
                quoted(found)
            ),
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}
