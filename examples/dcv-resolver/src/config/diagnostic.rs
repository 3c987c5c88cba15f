//! [`Diagnostics`]: errors in a configuration file, with their places.

use std::collections::BTreeSet;
use std::fmt;

/// Messages by their byte offset; `None` if a message concerns the whole file.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    kept: Vec<(Option<usize>, String)>,
    /// How many there are besides.
    more: usize,
}

impl Diagnostics {
    /// Limits the messages of a file that is not a configuration, which has an
    /// error in every line.
    const MAX_KEPT: usize = 100;

    pub(super) fn add(&mut self, offset: usize, message: impl fmt::Display) {
        self.add_at(Some(offset), message);
    }

    /// Displays `message` only if it is kept: a suggestion for an unknown key
    /// takes long.
    pub(super) fn add_at(&mut self, offset: Option<usize>, message: impl fmt::Display) {
        if self.kept.len() < Self::MAX_KEPT {
            self.kept.push((offset, message.to_string()));
        } else {
            self.more += 1;
        }
    }

    /// Returns the places of the messages that are kept.
    pub(super) fn offsets(&self) -> BTreeSet<usize> {
        self.kept.iter().filter_map(|(offset, _)| *offset).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns whether there are more than are kept.
    pub(super) fn has_more(&self) -> bool {
        self.more > 0
    }

    /// Returns a line for each, in the order of the file: `name:line:column:
    /// message`.
    pub(super) fn into_lines(mut self, name: &str, text: &str) -> Vec<String> {
        self.kept.sort();
        // Nested unclosed brackets are reported at one place; show it once.
        self.kept.dedup();
        let mut lines: Vec<_> = (self.kept.into_iter())
            .map(|(offset, message)| match offset {
                None => format!("{name}: {message}"),
                Some(offset) => {
                    let (line, column) = place(text, offset);
                    format!("{name}:{line}:{column}: {message}")
                }
            })
            .collect();
        if self.more > 0 {
            lines.push(format!("{name}: and {} more", self.more));
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
