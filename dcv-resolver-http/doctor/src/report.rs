//! [`Report`]: every hop, and the most likely cause.

use std::fmt;

use serde::Serialize;

use crate::cause::most_likely;
use crate::hop::{Finding, Hop, Status};

/// Every hop, and the most likely cause.
///
/// Displays as one line for each hop and a last line with the cause, and
/// serializes as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The hops, in the order of the path.
    pub hops: Vec<Hop>,
    /// The most likely cause, `None` if nothing is wrong as far as it was checked.
    pub cause: Option<Finding>,
    /// Whether a hop failed.
    pub failed: bool,
}

impl Report {
    /// Returns the report of `hops`, sorted by the order of the path.
    #[must_use]
    pub fn new(mut hops: Vec<Hop>) -> Self {
        hops.sort_by_key(|hop| hop.kind);
        Self {
            cause: most_likely(&hops).cloned(),
            failed: hops.iter().any(Hop::is_failed),
            hops,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hop in &self.hops {
            writeln!(f, "{hop}")?;
        }
        let is_unchecked = |hop: &&Hop| hop.status == Status::NotChecked;
        let unchecked = self.hops.iter().filter(is_unchecked).count();
        match &self.cause {
            Some(finding) if self.failed => write!(f, "most likely cause: {finding}"),
            Some(finding) => write!(f, "nothing fails; a possible cause: {finding}"),
            None => write!(
                f,
                "no cause found: all that was checked works, and {unchecked} hops were not checked"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::HopKind;

    #[test]
    fn last_line_names_the_cause_and_the_change() {
        let report = Report::new(vec![
            Hop::fail(
                HopKind::ResolverPort,
                "nothing listens on port 9",
                "start it",
            ),
            Hop::ok(HopKind::Link, "session console"),
            Hop::not_checked(HopKind::AnswerHttp, "the resolver was not reached"),
        ]);
        assert_eq!(
            report.to_string(),
            "ok           link: session console\n\
             FAIL         resolver's port: nothing listens on port 9\n\
             not checked  answer for HTTP: the resolver was not reached\n\
             most likely cause: nothing listens on port 9; start it"
        );
        assert!(report.failed);
    }

    #[test]
    fn warning_is_no_failure() {
        let warning = Hop::warn(HopKind::Proxy, "a proxy applies", "unset it");
        let report = Report::new(vec![warning]);
        assert!(!report.failed);
        let text = report.to_string();
        let last = text.lines().last();
        assert_eq!(
            last,
            Some("nothing fails; a possible cause: a proxy applies; unset it")
        );
    }
}
