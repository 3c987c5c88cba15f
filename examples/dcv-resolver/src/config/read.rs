//! [`ConfigFile`]: a configuration file, read and parsed.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::consistency::Inconsistency;
use super::diagnostic::Diagnostics;
use super::error::ConfigError;
use super::shape::Config;
use super::{valid_part, validate};

/// In a larger file, only the first syntax error is reported, because each of
/// them takes 300 bytes of memory: in a file of this size, up to 20 MB.
const MAX_RECOVERY_BYTES: usize = 64 * 1024;

/// The text of a file, for the positions of errors.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
}

/// What a file holds, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The valid part of the file, unless there is none.
    pub(super) config: Option<Config>,
    diagnostics: Diagnostics,
    /// The keys whose values are not known because of an error.
    doubtful: Vec<String>,
}

impl Parsed {
    pub(super) fn is_valid(&self) -> bool {
        self.diagnostics.is_empty()
    }
}

impl ConfigFile {
    /// Reads the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable {
            path: path.to_owned(),
            reason,
        };
        // At most 1 MiB, which is far more than anyone writes by hand: the
        // parser needs a multiple of it.
        let bytes =
            dcv_resolver_file_watch::read(path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| unreadable("it is not UTF-8 text; save it as UTF-8".to_owned()))?;
        Ok(Self::new(path, &text))
    }

    /// Takes `text` for the content of the file at `path`.
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Parses the file, as far as it is valid.
    pub(super) fn parse(&self) -> Parsed {
        let mut parsed = Parsed::default();
        let (mut document, errors) = self.document();
        for error in &errors {
            // The message does not quote the text, which may be a secret.
            let offset = error.span().unwrap_or_default().start;
            parsed.diagnostics.add(offset, error.message());
        }
        // After a syntax error, further errors may be caused by it.
        if !parsed.diagnostics.is_empty() {
            return parsed;
        }
        validate::document(&document, &mut parsed.diagnostics);
        // The place of each error is needed to find the valid part of the file, and
        // only the first errors are kept.
        if parsed.diagnostics.has_more() {
            return parsed;
        }
        parsed.doubtful = valid_part::reduce(&mut document, &parsed.diagnostics.offsets());
        match Config::deserialize(toml::de::Deserializer::from(document)) {
            Ok(mut config) => {
                config.rebase(self.path.parent().unwrap_or_else(|| Path::new("")));
                parsed.config = Some(config);
            }
            // Without its errors the file may lack a required key. The errors
            // themselves are reported already.
            Err(_) if !parsed.diagnostics.is_empty() => {}
            Err(error) => {
                // The schema accepts it, but the types do not.
                let offset = error.span().unwrap_or_default().start;
                parsed.diagnostics.add(offset, error.message());
            }
        }
        parsed
    }

    /// Returns what the text holds, as far as it can be parsed, and its syntax
    /// errors.
    fn document(&self) -> (Spanned<DeTable<'_>>, Vec<toml::de::Error>) {
        match DeTable::parse(&self.text) {
            Ok(document) => (document, Vec::new()),
            Err(first) if self.text.len() > MAX_RECOVERY_BYTES => {
                (Spanned::new(0..0, DeTable::new()), vec![first])
            }
            Err(_) => DeTable::parse_recoverable(&self.text),
        }
    }

    /// Returns the configuration, or all errors: those of the file, and the
    /// contradictions that `inconsistencies` found in the rest.
    pub(super) fn finish(
        &self,
        parsed: Parsed,
        inconsistencies: Vec<Inconsistency>,
    ) -> Result<Config, ConfigError> {
        let Parsed {
            config,
            mut diagnostics,
            doubtful,
        } = parsed;
        let document = DeTable::parse(&self.text).ok();
        for inconsistency in inconsistencies {
            // It may be a consequence of another error.
            if inconsistency.depends_on(&doubtful) {
                continue;
            }
            let Inconsistency { path, message, .. } = inconsistency;
            let offset = document
                .as_ref()
                .and_then(|document| offset(document, &path));
            diagnostics.add_at(offset, message);
        }
        match config {
            Some(config) if diagnostics.is_empty() => Ok(config),
            _ => Err(self.error(diagnostics)),
        }
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
