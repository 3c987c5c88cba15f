//! [`ContractReport`]: every rule that a resolver breaks.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::breach::{Breach, Level};

/// Every rule that a resolver breaks. Displays as text for people, and serializes
/// as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ContractReport {
    /// The rules that are broken, those that a gateway relies on first.
    pub broken: Vec<Breach>,
    /// How many requests were sent.
    pub requests: usize,
}

impl ContractReport {
    /// Returns whether no rule is broken.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for ContractReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for breach in &self.broken {
            writeln!(f, "{breach}")?;
        }
        let Self { broken, requests } = self;
        if broken.is_empty() {
            return write!(f, "no rule is broken in {requests} requests");
        }
        let rules: BTreeSet<_> = broken.iter().map(|it| (it.level, it.rule)).collect();
        let must = rules.iter().filter(|(level, _)| *level == Level::Must);
        write!(
            f,
            "broken rules: {}, of which a gateway relies on {}; {requests} requests",
            rules.len(),
            must.count()
        )
    }
}
