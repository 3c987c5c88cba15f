//! Session files, as every command reads them.

use std::path::Path;

use dcv_resolver_core::SessionRecord;
use dcv_resolver_static_file::{LoadError, SessionFile, StaticFileStore};

use crate::failure::Failure;

/// All sessions of a file. A mistake is a negative answer.
pub(crate) fn read(path: &Path) -> Result<Vec<SessionRecord>, Failure> {
    match SessionFile::read(path) {
        Ok(file) => Ok(file.into_sessions()),
        Err(error) if error.diagnostics().is_empty() => Err(Failure::setup(error.to_string())),
        Err(error) => Err(Failure::negative(with_mistakes(&error))),
    }
}

/// The file as a store. A mistake means that the store cannot be opened.
pub(crate) fn load(path: &Path) -> Result<StaticFileStore, Failure> {
    StaticFileStore::load(path).map_err(|error| {
        Failure::setup(if error.diagnostics().is_empty() {
            error.to_string()
        } else {
            with_mistakes(&error)
        })
    })
}

/// Each mistake on a line of its own, so that editors find the places.
fn with_mistakes(error: &LoadError) -> String {
    format!("the session file cannot be used as it is:\n{error}")
}
