//! [`ConfigFile`]: a configuration file, read and parsed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::consistency::Inconsistency;
use super::diagnostic::Diagnostics;
use super::error::ConfigError;
use super::shape::Config;
use super::validate;

/// The text of a file, for the positions of errors.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// Reads the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, ConfigError> {
        /// Far more than anyone writes by hand.
        const MAX_BYTES: u64 = 4 << 20;
        let unreadable = |reason: String| ConfigError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        let read = || {
            // Opening a FIFO would wait for its writer.
            if !std::fs::metadata(path)?.is_file() {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            File::open(path)?
                .take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(Some(bytes))
        };
        let bytes = read()
            .map_err(|error| unreadable(error.to_string()))?
            .ok_or_else(|| unreadable("it is not a regular file".to_owned()))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(unreadable("it is larger than 4 MiB".to_owned()));
        }
        let text =
            String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
        // Editors on Windows put a byte order mark before UTF-8.
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text);
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }

    /// Parses the file, or returns every error in it.
    pub(super) fn parse(&self) -> Result<Config, ConfigError> {
        let mut diagnostics = Diagnostics::default();
        let (document, errors) = DeTable::parse_recoverable(&self.text);
        for error in &errors {
            // The message does not quote the text, which may be a secret.
            let offset = error.span().unwrap_or_default().start;
            diagnostics.add(offset, error.message());
        }
        // After a syntax error, further errors may be caused by it.
        if diagnostics.is_empty() {
            validate::document(&document, &mut diagnostics);
        }
        if !diagnostics.is_empty() {
            return Err(self.error(diagnostics));
        }
        Config::deserialize(toml::de::Deserializer::from(document))
            .map(|mut config| {
                config.rebase(self.path.parent().unwrap_or_else(|| Path::new("")));
                config
            })
            .map_err(|error| {
                // The schema accepts it, but the types do not.
                let offset = error.span().unwrap_or_default().start;
                diagnostics.add(offset, error.message());
                self.error(diagnostics)
            })
    }

    /// Adds the places in the file to the inconsistencies.
    pub(super) fn inconsistent(&self, inconsistencies: Vec<Inconsistency>) -> ConfigError {
        let document = DeTable::parse(&self.text).ok();
        let mut diagnostics = Diagnostics::default();
        for Inconsistency { path, message } in inconsistencies {
            let offset = document
                .as_ref()
                .and_then(|document| offset(document, &path));
            diagnostics.add_at(offset, message);
        }
        self.error(diagnostics)
    }

    fn error(&self, diagnostics: Diagnostics) -> ConfigError {
        ConfigError::Invalid {
            diagnostics: diagnostics.into_lines(&self.path.display().to_string(), &self.text),
        }
    }
}

/// Returns where the value at `path` starts, or its nearest parent.
fn offset(document: &Spanned<DeTable<'_>>, path: &[String]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let mut value = document.get_ref().get(first.as_str())?;
    for step in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => table.get(step.as_str()),
            DeValue::Array(array) => step.parse().ok().and_then(|at: usize| array.get(at)),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => break,
        }
    }
    Some(value.span().start)
}
