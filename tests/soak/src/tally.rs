//! [`Tally`]: what happened, by name, and what must not have happened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Tally {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: BTreeMap<String, u64>,
    violations: BTreeMap<String, Violation>,
}

#[derive(Debug)]
struct Violation {
    count: u64,
    first: String,
}

impl Tally {
    /// Counts one more of `name`.
    pub(crate) fn count(&self, name: impl Into<String>) {
        *self.lock().counts.entry(name.into()).or_default() += 1;
    }

    /// Records a number that is no count.
    pub(crate) fn note(&self, name: impl Into<String>, value: u64) {
        self.lock().counts.insert(name.into(), value);
    }

    /// Records what must not happen. The first detail of each kind is kept.
    pub(crate) fn violation(&self, kind: &str, detail: impl Into<String>) {
        let detail = detail.into();
        let mut inner = self.lock();
        let violation = inner
            .violations
            .entry(kind.to_owned())
            .or_insert(Violation {
                count: 0,
                first: detail,
            });
        violation.count += 1;
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let inner = self.lock();
        let lines = inner.violations.iter().map(|(kind, violation)| {
            format!(
                "{kind}: {} times, first {}",
                violation.count, violation.first
            )
        });
        lines.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.lock().counts {
            writeln!(f, "{count:>12}  {name}")?;
        }
        let violations = self.violations();
        for violation in &violations {
            writeln!(f, "VIOLATION  {violation}")?;
        }
        if violations.is_empty() {
            writeln!(f, "no violation")?;
        }
        Ok(())
    }
}
