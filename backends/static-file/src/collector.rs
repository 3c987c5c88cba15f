//! [`Collector`]: gathers the sessions of a file and its mistakes.

use std::collections::HashSet;
use std::fmt;

use dcv_resolver_core::{SessionId, SessionRecord};

use crate::Format;
use crate::index::Index;
use crate::mistake::{Mistakes, Quoted};
use crate::node::{Key, Node};
use crate::session;

#[derive(Debug)]
pub(crate) struct Collector {
    format: Format,
    records: Vec<SessionRecord>,
    index: Index,
    /// The ids of the sessions with mistakes: they too must not come twice.
    invalid: HashSet<SessionId>,
    mistakes: Mistakes,
}

impl Collector {
    pub(crate) fn new(format: Format) -> Self {
        Self {
            format,
            records: Vec::new(),
            index: Index::default(),
            invalid: HashSet::new(),
            mistakes: Mistakes::default(),
        }
    }

    pub(crate) fn mistake(&mut self, offset: usize, message: fmt::Arguments<'_>) {
        self.mistakes.add(offset, message);
    }

    pub(crate) fn session(&mut self, key: &Key<'_>, node: &Node<'_>) {
        let id = match SessionId::new(&*key.text) {
            Ok(id) => id,
            Err(error) => {
                return self.mistake(
                    key.offset,
                    format_args!("the id {}: {error}", Quoted(&key.text)),
                );
            }
        };
        let record = session::read(&id, key, node, self.format, &mut self.mistakes);
        let is_new = match &record {
            Some(record) => !self.invalid.contains(&id) && self.index.insert(record.clone()),
            None => self.index.get(&id).is_none() && self.invalid.insert(id),
        };
        if !is_new {
            self.mistake(
                key.offset,
                format_args!("session {} is given twice", Quoted(&key.text)),
            );
        }
        self.records.extend(record);
    }

    /// The records in the order of the file, and the same by id.
    pub(crate) fn finish(self) -> Result<(Vec<SessionRecord>, Index), Mistakes> {
        match self.mistakes.count() {
            0 => Ok((self.records, self.index)),
            _ => Err(self.mistakes),
        }
    }
}
