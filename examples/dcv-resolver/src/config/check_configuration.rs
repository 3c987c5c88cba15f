//! [`check_configuration`]: what is wrong with the text of a configuration.

use std::path::Path;

use super::consistency;
use super::error::ConfigError;
use super::read::ConfigFile;

/// Checks the text of a configuration file, which is named `name` in messages,
/// without environment and flags. Files and stores that it names are not opened.
///
/// # Errors
///
/// A line for each error, with its place.
pub fn check_configuration(name: &str, text: &str) -> Result<(), Vec<String>> {
    let file = ConfigFile::new(Path::new(name), text);
    let parsed = file.parse();
    let config = parsed.config.as_ref();
    let inconsistencies = config.map_or_else(Vec::new, consistency::inconsistencies);
    match file.finish(parsed, inconsistencies) {
        Ok(_) => Ok(()),
        Err(ConfigError::Invalid { diagnostics }) => Err(diagnostics),
        Err(other) => Err(vec![other.to_string()]),
    }
}
