//! [`Diagnostic`]: one thing that is wrong with a session file, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// One thing that is wrong with a session file.
///
/// Displays as one line: `path:line:column: message`. Text that it quotes from
/// the file is escaped and truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    path: Arc<Path>,
    line: usize,
    column: usize,
    message: String,
}

impl Diagnostic {
    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column, counted in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns what is wrong and what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            message,
        } = self;
        write!(f, "{}:{line}:{column}: {message}", path.display())
    }
}

/// Collects diagnostics by their byte offset.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    kept: Vec<(usize, String)>,
    more: usize,
}

impl Diagnostics {
    /// Limits the diagnostics of a file of another kind, which has an error in
    /// every line.
    const MAX_KEPT: usize = 100;

    pub(crate) fn add(&mut self, offset: usize, message: fmt::Arguments<'_>) {
        if self.kept.len() < Self::MAX_KEPT {
            self.kept.push((offset, message.to_string()));
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Returns how many were found beyond those that are kept.
    pub(crate) fn more(&self) -> usize {
        self.more
    }

    /// Returns the diagnostics from top to bottom, located in `text`, the
    /// content of `path`.
    pub(crate) fn located(mut self, path: &Arc<Path>, text: &[u8]) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|(offset, _)| *offset);
        // Nested unclosed brackets are reported at one place; show it once.
        self.kept.dedup();
        let mut position = LineColumn::default();
        let located = self.kept.into_iter().map(|(offset, message)| {
            position.advance(text, offset);
            Diagnostic {
                path: Arc::clone(path),
                line: position.line,
                column: position.column,
                message,
            }
        });
        located.collect()
    }
}

/// Walks forward through a text, counting lines and characters.
#[derive(Debug)]
struct LineColumn {
    offset: usize,
    line: usize,
    column: usize,
}

impl Default for LineColumn {
    fn default() -> Self {
        Self {
            offset: 0,
            line: 1,
            column: 1,
        }
    }
}

impl LineColumn {
    fn advance(&mut self, text: &[u8], to: usize) {
        for &byte in text.get(self.offset..to).unwrap_or_default() {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.column = 1;
                }
                // The later bytes of a character.
                0x80..=0xBF => {}
                _ => self.column += 1,
            }
        }
        self.offset = self.offset.max(to);
    }
}

/// A text of the file as a message quotes it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_CHARS: usize = 60;
        match self.0.char_indices().nth(MAX_CHARS) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
        }
    }
}
