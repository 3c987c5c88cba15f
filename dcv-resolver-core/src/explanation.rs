//! [`Explanation`]: how a request is resolved, step by step.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::escape::escaped;
use crate::{
    Expiry, NotFound, Resolution, ResolveError, SessionId, SessionRecord, Suggestion, Timestamp,
    Transport,
};

/// How a request is resolved, step by step.
///
/// Displays as human-readable lines, in which untrusted text is escaped, and
/// serializes as JSON.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The session asked for.
    pub session_id: SessionId,
    /// The transport asked for.
    pub transport: Transport,
    /// The client's address, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<IpAddr>,
    /// The current time on the resolver's clock.
    #[serde(rename = "now_ms")]
    pub now: Timestamp,
    /// What each store returned, in the order in which they are asked.
    pub stores: Vec<StoreStep>,
    /// What each rule and each policy decided about the record, in the order in
    /// which they are checked; empty if no store holds the session.
    pub rules: Vec<RuleStep>,
    /// How the request is answered.
    #[serde(flatten)]
    pub conclusion: Conclusion,
    /// Sessions similar to the requested one, the most similar first, five at
    /// most. They are searched for only if no store holds the requested
    /// session.
    pub did_you_mean: Vec<Suggestion>,
    /// Whether some sessions were not compared: the time ran out, there are too
    /// many, or their store failed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub search_truncated: bool,
}

/// What one store returned.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct StoreStep {
    /// The store's name.
    pub store: String,
    /// Whether this store decides the answer: it is the first that holds the
    /// session or fails.
    pub decides: bool,
    /// The source from which the store generated the record, such as
    /// `pattern sessions.toml:12`; `None` if it holds the record itself, or is not
    /// among the listings of the explainer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated_by: Option<String>,
    /// What it returned.
    #[serde(flatten)]
    pub result: StoreResult,
}

/// What a store returned for a session.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreResult {
    /// The store holds this record.
    Holds {
        /// The record.
        record: SessionRecord,
        /// The age of the record in milliseconds, if a cache returned it
        /// because the store failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        stale_ms: Option<u64>,
    },
    /// The store does not hold the session.
    Absent,
    /// The store failed.
    Failed {
        /// The error with its sources.
        error: String,
    },
}

/// What one rule or one policy decided.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RuleStep {
    /// Whether it is a rule of the resolver or a policy.
    pub kind: RuleKind,
    /// `live`, `ready` or `transport_offered`, or the name of the policy.
    pub rule: String,
    /// What it decided.
    #[serde(flatten)]
    pub result: RuleResult,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleKind {
    /// The resolver's own.
    Rule,
    /// A [`Policy`](crate::Policy).
    Policy,
}

/// What a rule or a policy decided about a record.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleResult {
    /// The client may pass.
    Passes,
    /// The client may not pass.
    Refuses {
        /// Why, as a sentence.
        detail: String,
    },
    /// The policy failed.
    Failed {
        /// The error with its sources.
        error: String,
    },
}

/// How a request is answered.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Conclusion {
    /// The gateway can connect to this destination.
    Found {
        /// The response to the gateway.
        answer: Resolution,
    },
    /// There is no destination.
    NotFound {
        /// The machine-readable reason.
        reason: &'static str,
        /// The reason as a sentence.
        detail: String,
    },
    /// A store or a policy failed.
    Error {
        /// The error with its sources, and the name of the store or policy that
        /// failed.
        error: String,
    },
}

impl StoreResult {
    pub(crate) fn holds(record: SessionRecord) -> Self {
        let as_ms = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        Self::Holds {
            stale_ms: record.stale_age().map(as_ms),
            record,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {:?} over {}, ", self.session_id, self.transport)?;
        match self.client_ip {
            Some(client_ip) => write!(f, "client {client_ip}, ")?,
            None => f.write_str("client unknown, ")?,
        }
        writeln!(f, "at {}", self.now)?;
        for step in &self.stores {
            writeln!(f, "  store {step}")?;
        }
        for step in &self.rules {
            writeln!(f, "  {step}")?;
        }
        write!(f, "{}", self.conclusion)?;
        for near in &self.did_you_mean {
            let Suggestion {
                session_id,
                store,
                match_kind,
            } = near;
            write!(
                f,
                "\ndid you mean {session_id:?}, {match_kind}? (store {store})"
            )?;
        }
        if self.search_truncated {
            f.write_str("\nthe search was cut short; other sessions may match")?;
        }
        Ok(())
    }
}

impl fmt::Display for StoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.store, self.result)?;
        if let Some(generated_by) = &self.generated_by {
            write!(f, "; generated by {}", one_line(generated_by))?;
        }
        f.write_str(if self.decides { " (decides)" } else { "" })
    }
}

impl fmt::Display for StoreResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = match self {
            Self::Absent => return f.write_str("holds no such session"),
            Self::Failed { error } => return write!(f, "failed: {}", one_line(error)),
            Self::Holds { record, .. } => record,
        };
        write!(
            f,
            "holds it as {:?} on {}",
            record.target_id(),
            record.host()
        )?;
        for transport in [Transport::Http, Transport::Quic] {
            match record.port(transport) {
                Some(port) => write!(f, ", {transport} {port}")?,
                None => write!(f, ", no {transport}")?,
            }
        }
        write!(f, ", {}", record.state())?;
        match record.expiry() {
            Expiry::Never => f.write_str(", never expires")?,
            Expiry::At(expires_at) => write!(f, ", expires {expires_at}")?,
        }
        match record.stale_age() {
            None => Ok(()),
            Some(age) => write!(
                f,
                "; the store fails, and a cache returned this record from {age:.1?} ago"
            ),
        }
    }
}

impl fmt::Display for RuleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RuleKind::Rule => "rule",
            RuleKind::Policy => "policy",
        };
        write!(f, "{kind} {}: {}", self.rule, self.result)
    }
}

impl fmt::Display for RuleResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => f.write_str("yes"),
            Self::Refuses { detail } => write!(f, "no: {}", one_line(detail)),
            Self::Failed { error } => write!(f, "failed: {}", one_line(error)),
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { answer } => {
                write!(
                    f,
                    "found: {} port {}",
                    answer.record().host(),
                    answer.port()
                )
            }
            Self::NotFound { reason, detail } => {
                write!(f, "not found ({reason}): {}", one_line(detail))
            }
            Self::Error { error } => write!(f, "not answered: {}", one_line(error)),
        }
    }
}

/// Escapes the text of a driver or a policy, so that its line ends cannot forge
/// a line of the explanation and a terminal interprets nothing in it.
fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, usize::MAX)
}

impl Conclusion {
    pub(crate) fn error(error: &ResolveError) -> Self {
        Self::Error {
            error: error.chain().to_string(),
        }
    }

    pub(crate) fn not_found(not_found: &NotFound) -> Self {
        Self::NotFound {
            reason: not_found.reason(),
            detail: not_found.to_string(),
        }
    }
}
