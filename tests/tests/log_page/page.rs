//! [`Page`]: `docs/log.md`.

use std::collections::BTreeSet;
use std::fs;

use dcv_resolver_tests::repository::in_repository;

use crate::event::normalized;

/// The crates whose documentation explains further fields.
const CRATES: [&str; 3] = [
    "dcv-resolver-http",
    "dcv-resolver-http/admin",
    "dcv-resolver-http/ops",
];

pub(crate) struct Page {
    pub(crate) tables: Vec<Table>,
    /// The cause, the level and the sentence of each failure of a connection.
    pub(crate) causes: Vec<(String, String, String)>,
    /// The fields that a table explains.
    pub(crate) explained: BTreeSet<String>,
}

/// The events of some targets.
pub(crate) struct Table {
    pub(crate) targets: BTreeSet<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) level: String,
    pub(crate) messages: BTreeSet<String>,
    pub(crate) fields: BTreeSet<String>,
}

impl Page {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(in_repository("docs/log.md")).unwrap();
        let mut page = Self {
            tables: Vec::new(),
            causes: Vec::new(),
            explained: BTreeSet::new(),
        };
        for line in text.lines() {
            if let Some(targets) = line.strip_prefix("Targets: ") {
                let targets = targets.split(". ").next().unwrap();
                page.tables.push(Table {
                    targets: code(targets).into_iter().collect(),
                    rows: Vec::new(),
                });
            } else if line.starts_with("| ") {
                page.add(line);
            }
        }
        for name in CRATES {
            let path = in_repository(name).join("src/lib.rs");
            for line in fs::read_to_string(path).unwrap().lines() {
                let row = line.strip_prefix("//! | ").unwrap_or_default();
                page.explained
                    .extend(code(row.split(" | ").next().unwrap()));
            }
        }
        page
    }

    fn add(&mut self, line: &str) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        match cells[..] {
            [fields, _meaning] if fields.starts_with('`') => {
                self.explained.extend(code(fields));
            }
            [cause, level @ ("WARN" | "DEBUG"), sentence] if cause.starts_with('`') => {
                let cause = code(cause).remove(0);
                self.causes.push((cause, level.into(), sentence.into()));
            }
            [levels, message, fields] if is_level(levels) => {
                let messages: BTreeSet<_> =
                    code(message).iter().map(|text| normalized(text)).collect();
                let fields: BTreeSet<_> = code(fields).into_iter().collect();
                let rows = levels.split(", ").map(|level| Row {
                    level: level.into(),
                    messages: messages.clone(),
                    fields: fields.clone(),
                });
                self.tables.last_mut().unwrap().rows.extend(rows);
            }
            // The head of a table.
            _ => {}
        }
    }

    /// The table with the longest target with which this one begins.
    pub(crate) fn table_of(&self, target: &str) -> Option<&Table> {
        let longest = |table: &Table| {
            let targets = table.targets.iter();
            let prefixes = targets.filter(|prefix| target.starts_with(prefix.as_str()));
            prefixes.map(String::len).max()
        };
        let tables = self.tables.iter().filter(|table| longest(table).is_some());
        tables.max_by_key(|table| longest(table))
    }
}

fn is_level(cell: &str) -> bool {
    cell.split(", ")
        .all(|level| ["ERROR", "WARN", "INFO", "DEBUG"].contains(&level))
}

/// The code spans of a text, which may be between two backticks each.
fn code(text: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some((_before, behind)) = rest.split_once('`') {
        let (fence, behind) = match behind.strip_prefix('`') {
            Some(behind) => ("``", behind),
            None => ("`", behind),
        };
        let (span, behind) = behind.split_once(fence).unwrap();
        spans.push(span.trim().to_owned());
        rest = behind;
    }
    spans
}
