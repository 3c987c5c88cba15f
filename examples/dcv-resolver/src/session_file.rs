//! Reads session files, in the same way for every command.

use std::path::Path;

use dcv_resolver_core::{SessionRecord, StoreError, StoreErrorKind};
use dcv_resolver_static_file::{LoadError, SessionFile, StaticFileStore};
use serde_json::Value;

use crate::failure::Failure;
use crate::open_error::OpenError;
use crate::output;

/// Reads the sessions to import: a session file, or what `list --json` prints,
/// which is an array of objects with an `id`.
pub(crate) fn read_for_import(path: &Path) -> Result<Vec<SessionRecord>, Failure> {
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let Some(text) = is_json.then(|| std::fs::read(path).ok()).flatten() else {
        return sessions(path);
    };
    match serde_json::from_slice(&text) {
        Ok(Value::Array(items)) if items.iter().all(|item| item.get("id").is_some()) => {}
        _ => return sessions(path),
    }
    serde_json::from_slice(&text).map_err(|error| {
        Failure::negative(format!(
            "{}:{}:{}: expected records as `list --json` prints them: {error}",
            path.display(),
            error.line(),
            error.column(),
        ))
    })
}

/// Reads the sessions of a session file, and warns about its patterns.
fn sessions(path: &Path) -> Result<Vec<SessionRecord>, Failure> {
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
