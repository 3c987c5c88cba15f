//! [`Collector`]: the sessions of a file and its diagnostics, as they are read.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::Format;
use crate::cooperative_yield::CooperativeYield;
use crate::diagnostic::{Diagnostics, Quoted};
use crate::index::Index;
use crate::node::{Key, Node};
use crate::pattern::SessionPattern;
use crate::{read_pattern, session};

/// Each unknown id is compared with all of them.
const MAX_PATTERNS: usize = 100;

/// What a valid file holds.
pub(crate) struct Collected {
    /// In the order of the file.
    pub(crate) records: Vec<SessionRecord>,
    /// The same by id.
    pub(crate) index: Index,
    /// In the order of the file.
    pub(crate) patterns: Vec<SessionPattern>,
}

pub(crate) struct Collector {
    path: Arc<Path>,
    format: Format,
    records: Vec<SessionRecord>,
    index: Index,
    patterns: Vec<SessionPattern>,
    /// The ids of invalid sessions: they must not be repeated either.
    invalid: HashSet<SessionId>,
    diagnostics: Diagnostics,
    cooperative: CooperativeYield,
}

impl Collector {
    /// Makes room for `expected` sessions: growing later would take long without a
    /// yield.
    pub(crate) fn new(path: Arc<Path>, format: Format, expected: usize) -> Self {
        Self {
            path,
            format,
            records: Vec::new(),
            index: Index::with_capacity(expected),
            patterns: Vec::new(),
            invalid: HashSet::new(),
            diagnostics: Diagnostics::default(),
            cooperative: CooperativeYield::every(32),
        }
    }

    pub(crate) fn diagnostic(&mut self, offset: usize, message: fmt::Arguments<'_>) {
        self.diagnostics.add(offset, message);
    }

    pub(crate) fn session(&mut self, key: &Key<'_>, node: &Node<'_>) {
        let id = match SessionId::new(&*key.text) {
            Ok(id) => Some(id),
            Err(error) => {
                let id = Quoted(&key.text);
                self.diagnostic(key.offset, format_args!("the session id {id}: {error}"));
                None
            }
        };
        let record = session::read(id.as_ref(), key, node, self.format, &mut self.diagnostics);
        let is_new = match (&record, id) {
            (Some(record), Some(id)) => {
                !self.invalid.contains(&id) && self.index.insert(record.clone())
            }
            (None, Some(id)) => self.index.get(&id).is_none() && self.invalid.insert(id),
            (_, None) => true,
        };
        if !is_new {
            let id = Quoted(&key.text);
            self.diagnostic(key.offset, format_args!("session {id} is given twice"));
        }
        self.records.extend(record);
        self.cooperative.piece();
    }

    /// Adds the pattern of a table that starts on `line`.
    pub(crate) fn pattern(&mut self, node: &Node<'_>, line: usize) {
        let pattern = read_pattern::read(node, &self.path, line, &mut self.diagnostics);
        if self.patterns.len() == MAX_PATTERNS {
            return self.diagnostic(
                node.offset,
                format_args!("there are more than {MAX_PATTERNS} patterns, the limit"),
            );
        }
        self.patterns.extend(pattern);
    }

    pub(crate) fn finish(self) -> Result<Collected, Diagnostics> {
        if self.diagnostics.count() > 0 {
            return Err(self.diagnostics);
        }
        Ok(Collected {
            records: self.records,
            index: self.index,
            patterns: self.patterns,
        })
    }
}
