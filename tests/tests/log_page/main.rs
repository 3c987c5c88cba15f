//! `docs/log.md` lists every event that the binary and the libraries log, with its
//! level, its message and its fields, and every cause of a failed connection.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on the first failure"
)]

mod event;
mod page;
mod source;

use std::collections::BTreeSet;

use event::Message;
use page::{Page, Row};

impl Row {
    /// Whether this row describes an event of these properties.
    fn describes(&self, level: &str, event: &event::Event) -> bool {
        let is_message = match &event.message {
            Message::OneOf(messages) => self.messages == *messages,
            // The code chooses it elsewhere in the file.
            Message::Variable { literals } => self.messages.is_subset(literals),
        };
        self.level == level && self.fields == event.fields && is_message
    }
}

#[test]
fn page_lists_every_event_and_no_other() {
    let page = Page::read();
    let mut used = BTreeSet::new();
    for event in source::events() {
        let table = page
            .table_of(&event.target)
            .unwrap_or_else(|| panic!("no section of the page is for {}", event.target));
        for level in &event.levels {
            let row = table.rows.iter().find(|row| row.describes(level, &event));
            let row = row.unwrap_or_else(|| {
                let (target, row) = (&event.target, event.row(level));
                panic!("the page has no such row for the target {target}:\n{row}")
            });
            used.insert((&table.targets, row));
        }
    }
    for table in &page.tables {
        for row in &table.rows {
            let is_logged = used.contains(&(&table.targets, row));
            assert!(is_logged, "{:?} does not log {row:?}", table.targets);
        }
    }
}

#[test]
fn page_lists_every_cause_of_a_failed_connection() {
    let (mut documented, mut declared) = (Page::read().causes, source::causes());
    documented.sort();
    declared.sort();
    assert_eq!(documented, declared);
}

#[test]
fn every_field_is_explained() {
    let page = Page::read();
    for row in page.tables.iter().flat_map(|table| &table.rows) {
        let unknown: Vec<_> = row.fields.difference(&page.explained).collect();
        assert!(unknown.is_empty(), "{unknown:?} of {row:?}");
    }
}
