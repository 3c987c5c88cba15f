//! Reads session files, in the same way for every command.

use std::path::Path;

use dcv_resolver_core::SessionRecord;
use dcv_resolver_static_file::{LoadError, SessionFile, StaticFileStore};

use crate::failure::Failure;

/// Reads all sessions of a file. An invalid file is a negative answer.
pub(crate) fn read(path: &Path) -> Result<Vec<SessionRecord>, Failure> {
    match SessionFile::read(path) {
        Ok(file) => Ok(file.into_sessions()),
        Err(error) if error.diagnostics().is_empty() => Err(Failure::setup(error.to_string())),
        Err(error) => Err(Failure::negative(invalid_file(&error))),
    }
}

/// Loads the file as a store. An invalid file is a store that cannot be opened.
pub(crate) fn load(path: &Path) -> Result<StaticFileStore, Failure> {
    StaticFileStore::load(path).map_err(|error| {
        Failure::setup(if error.diagnostics().is_empty() {
            error.to_string()
        } else {
            invalid_file(&error)
        })
    })
}

/// Puts each error on a line of its own, so that editors find the places.
fn invalid_file(error: &LoadError) -> String {
    format!("the session file is invalid:\n{error}")
}
