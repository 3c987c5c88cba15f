//! [`Diagnostics`]: errors in a configuration file, with their places.

use std::collections::BTreeSet;
use std::fmt;

/// Messages by their byte offset; `None` if a message concerns the whole file.
#[derive(Debug, Default)]
pub(super) struct Diagnostics(Vec<(Option<usize>, String)>);

impl Diagnostics {
    pub(super) fn add(&mut self, offset: usize, message: impl Into<String>) {
        self.add_at(Some(offset), message);
    }

    pub(super) fn add_at(&mut self, offset: Option<usize>, message: impl Into<String>) {
        self.0.push((offset, message.into()));
    }

    /// Returns the places of all messages.
    pub(super) fn offsets(&self) -> BTreeSet<usize> {
        self.0.iter().filter_map(|(offset, _)| *offset).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a line for each, in the order of the file: `name:line:column:
    /// message`.
    pub(super) fn into_lines(mut self, name: &str, text: &str) -> Vec<String> {
        // A file that is not a configuration has an error in every line.
        const MAX_LINES: usize = 100;
        self.0.sort();
        // Nested unclosed brackets are reported at one place; show it once.
        self.0.dedup();
        let more = self.0.len().saturating_sub(MAX_LINES);
        let mut lines: Vec<_> = (self.0.into_iter().take(MAX_LINES))
            .map(|(offset, message)| match offset {
                None => format!("{name}: {message}"),
                Some(offset) => {
                    let (line, column) = place(text, offset);
                    format!("{name}:{line}:{column}: {message}")
                }
            })
            .collect();
        if more > 0 {
            lines.push(format!("{name}: and {more} more"));
        }
        lines
    }
}

/// Returns the line and the column, in characters, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before.get(start..).unwrap_or("").chars().count() + 1)
}

/// Displays a text of the file in quotes, escaped and truncated.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_CHARS: usize = 60;
        match self.0.char_indices().nth(MAX_CHARS) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
        }
    }
}
