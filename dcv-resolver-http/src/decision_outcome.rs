//! [`DecisionOutcome`]: a decision as one word.

use std::fmt;

/// The kind of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecisionOutcome {
    /// The gateway got a destination.
    Found,
    /// There is no destination: 404.
    NotFound,
    /// The request is not a resolve request: 400, 404 `no_such_path`, 405 or
    /// 414.
    Malformed,
    /// A limit applies: 403, 429, or 503 `overloaded`.
    Refused,
    /// A store or a policy failed, or the time budget ran out: 500 or 503.
    Error,
    /// The caller closed the connection before the decision.
    Abandoned,
}

impl DecisionOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [
        Self::Found,
        Self::NotFound,
        Self::Malformed,
        Self::Refused,
        Self::Error,
        Self::Abandoned,
    ];

    /// Returns the outcome as it is written in the log and the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not_found",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Error => "error",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for DecisionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
