//! [`Collector`]: gathers the sessions of a file and its diagnostics.

use std::collections::HashSet;
use std::fmt;

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::Format;
use crate::diagnostic::{Diagnostics, Quoted};
use crate::index::Index;
use crate::node::{Key, Node};
use crate::session;
use crate::turns::Turns;

#[derive(Debug)]
pub(crate) struct Collector {
    format: Format,
    records: Vec<SessionRecord>,
    index: Index,
    /// The ids of the sessions with diagnostics: they too must not come twice.
    invalid: HashSet<SessionId>,
    diagnostics: Diagnostics,
    turns: Turns,
}

impl Collector {
    /// With room for `expected` sessions: to make room later takes long at a
    /// stretch.
    pub(crate) fn new(format: Format, expected: usize) -> Self {
        Self {
            format,
            records: Vec::new(),
            index: Index::with_capacity(expected),
            invalid: HashSet::new(),
            diagnostics: Diagnostics::default(),
            turns: Turns::every(32),
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
        self.turns.piece();
    }

    /// The records in the order of the file, and the same by id.
    pub(crate) fn finish(self) -> Result<(Vec<SessionRecord>, Index), Diagnostics> {
        match self.diagnostics.count() {
            0 => Ok((self.records, self.index)),
            _ => Err(self.diagnostics),
        }
    }
}
