//! [`Breach`]: a rule of the contract that a resolver breaks.

use std::fmt;

use serde::Serialize;

/// The importance of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// A gateway relies on the rule.
    Must,
    /// The rule keeps requests and answers from being misunderstood.
    Should,
}

/// A rule that a resolver breaks, with the request that shows it.
///
/// Text of the resolver is escaped and truncated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Breach {
    /// A stable identifier of the rule.
    pub rule: &'static str,
    /// The importance of the rule.
    pub level: Level,
    /// What the rule requires.
    pub requirement: String,
    /// What was sent: method, path and query, without the prefix of the URL.
    pub sent: String,
    /// What was answered.
    pub answered: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "should",
        })
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            level,
            requirement,
            sent,
            answered,
            expected,
        } = self;
        write!(
            f,
            "{level:<8}{rule}: {requirement}\n        sent      {sent}\n        answered  {answered}\n        expected  {expected}"
        )
    }
}
