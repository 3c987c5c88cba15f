//! [`Collector`]: the sessions of a file and its diagnostics, as they are read.

use std::collections::HashSet;
use std::fmt;

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::Format;
use crate::cooperative_yield::CooperativeYield;
use crate::diagnostic::{Diagnostics, Quoted};
use crate::index::Index;
use crate::node::{Key, Node};
use crate::session;

pub(crate) struct Collector {
    format: Format,
    records: Vec<SessionRecord>,
    index: Index,
    /// The ids of invalid sessions: they must not be repeated either.
    invalid: HashSet<SessionId>,
    diagnostics: Diagnostics,
    cooperative: CooperativeYield,
}

impl Collector {
    /// Makes room for `expected` sessions: growing later would take long without a
    /// yield.
    pub(crate) fn new(format: Format, expected: usize) -> Self {
        Self {
            format,
            records: Vec::new(),
            index: Index::with_capacity(expected),
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

    /// Returns the records in the order of the file, and the same by id.
    pub(crate) fn finish(self) -> Result<(Vec<SessionRecord>, Index), Diagnostics> {
        match self.diagnostics.count() {
            0 => Ok((self.records, self.index)),
            _ => Err(self.diagnostics),
        }
    }
}
