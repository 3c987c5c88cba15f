//! Reads session files, in the same way for every command.

use std::path::Path;

use dcv_resolver_core::{SessionRecord, StoreError, StoreErrorKind};
use dcv_resolver_static_file::{LoadError, SessionFile, StaticFileStore};

use crate::failure::Failure;
use crate::open_error::OpenError;
use crate::output;

/// Reads the sessions of a session file, and warns about its patterns.
pub(crate) fn sessions(path: &Path) -> Result<Vec<SessionRecord>, Failure> {
    let file = read(path)?;
    let patterns = file.patterns().len();
    if patterns > 0 {
        output::warn(format_args!(
            "{}: {patterns} patterns are not imported; only a session file can have them",
            path.display(),
        ));
    }
    Ok(file.into_sessions())
}

/// Reads a session file. An invalid file is a negative answer.
pub(crate) fn read(path: &Path) -> Result<SessionFile, Failure> {
    match SessionFile::read(path) {
        Ok(file) => Ok(file),
        Err(error) if error.diagnostics().is_empty() => Err(Failure::setup(error.to_string())),
        Err(error) => Err(Failure::negative(invalid_file(&error))),
    }
}

/// Loads the file as a store. An invalid file is a store that cannot be opened.
pub(crate) fn load(path: &Path) -> Result<StaticFileStore, OpenError> {
    StaticFileStore::load(path).map_err(|error| {
        let (kind, message) = if error.diagnostics().is_empty() {
            (StoreErrorKind::Unavailable, error.to_string())
        } else {
            (StoreErrorKind::CorruptStore, invalid_file(&error))
        };
        OpenError {
            error: StoreError::new("static_file", kind).with_source(message.clone()),
            failure: Failure::setup(message),
        }
    })
}

/// Puts each error on a line of its own, so that editors find the places.
fn invalid_file(error: &LoadError) -> String {
    format!("the session file is invalid:\n{error}")
}
