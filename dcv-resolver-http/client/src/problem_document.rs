//! [`ProblemDocument`]: the body of an answer that is not a success.

use serde::Deserialize;

/// The members of an RFC 9457 problem document that people need, as far as the
/// resolver sends them. Their text is not trusted: escape it before it is
/// displayed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct ProblemDocument {
    /// A summary.
    pub title: Option<String>,
    /// A sentence for people.
    pub detail: Option<String>,
    /// A stable word for programs, which `dcv-resolver` sends.
    pub reason: Option<String>,
    /// The request parameter at fault, which `dcv-resolver` names.
    pub parameter: Option<String>,
}

impl ProblemDocument {
    /// Parses the body of a response. Returns `None` unless it is a JSON object
    /// with at least one of these members.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let document: Self = serde_json::from_slice(body).ok()?;
        (document != Self::default()).then_some(document)
    }
}
