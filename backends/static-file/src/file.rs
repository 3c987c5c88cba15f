//! [`SessionFile`]: the sessions that a file holds.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use dcv_resolver_core::SessionRecord;

use crate::collector::{Collected, Collector};
use crate::diagnostic::Diagnostics;
use crate::pattern::{self, SessionPattern};
use crate::{Format, LoadError, json, other_format, read, toml};

/// The checked sessions of a file. `Debug` shows how many there are.
///
/// ```
/// use dcv_resolver_static_file::{Format, SessionFile};
///
/// let text = "
/// [sessions.console]
/// host = 'ws-17.dcv.example'
/// htpt_port = 8443
/// ";
/// let error = SessionFile::parse(text, Format::Toml, "sessions.toml").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "sessions.toml:2:11: session \"console\" has neither `http_port` nor `quic_port`; expected at least one\n\
///      sessions.toml:4:1: unknown field \"htpt_port\"; did you mean `http_port`?",
/// );
/// ```
pub struct SessionFile(Collected);

impl SessionFile {
    /// Reads and checks the file at `path`, in the format that its extension
    /// names.
    ///
    /// This function blocks while it reads and parses, but never waits for
    /// another process: a FIFO is refused.
    ///
    /// # Errors
    ///
    /// [`LoadError`]: `UnknownFormat`, `Unreadable`, `NotAFile`, `TooLarge` or
    /// `StillChanging` before the content is parsed, and `Invalid` with all
    /// diagnostics after.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let format = LoadError::format_of(path)?;
        Self::parse_bytes(&read::read(path, format)?, format, path, 0)
    }

    /// Parses and checks `text`. Diagnostics name `name` as the file.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`], with all diagnostics.
    pub fn parse(text: &str, format: Format, name: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::parse_bytes(text.as_bytes(), format, name.as_ref(), 0)
    }

    /// `expected` is the expected number of sessions, as far as it is known.
    pub(crate) fn parse_bytes(
        bytes: &[u8],
        format: Format,
        path: &Path,
        expected: usize,
    ) -> Result<Self, LoadError> {
        // Windows editors put a byte order mark before UTF-8; it means nothing.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let path: Arc<Path> = path.into();
        let parsed = decode(bytes).and_then(|text| {
            let mut collector = Collector::new(Arc::clone(&path), format, expected);
            match format {
                Format::Toml => toml::read(text, &mut collector),
                Format::Json => json::read(text, &mut collector),
            }
            collector.finish().map_err(|found| {
                other_format::recognize(text, format).map_or(found, |other| {
                    let mut diagnostics = Diagnostics::default();
                    diagnostics.add(other.offset, format_args!("{}", other.message));
                    diagnostics
                })
            })
        });
        match parsed {
            Ok(collected) => Ok(Self(collected)),
            Err(diagnostics) => Err(LoadError::Invalid {
                path: path.to_path_buf(),
                more: diagnostics.more(),
                diagnostics: diagnostics.located(&path, bytes),
            }),
        }
    }

    /// Returns the sessions, in the order of the file.
    #[must_use]
    pub fn sessions(&self) -> &[SessionRecord] {
        &self.0.records
    }

    /// Returns the sessions, in the order of the file.
    #[must_use]
    pub fn into_sessions(self) -> Vec<SessionRecord> {
        self.0.records
    }

    /// Returns the patterns, in the order of the file.
    #[must_use]
    pub fn patterns(&self) -> &[SessionPattern] {
        &self.0.patterns
    }

    /// Returns warnings about likely mistakes: one for each pattern with which a
    /// client can reach any host by writing its domain or its address in an id.
    /// A warning names the line of the pattern and what to change.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        pattern::warnings(&self.0.patterns)
    }

    pub(crate) fn into_collected(self) -> Collected {
        self.0
    }
}

impl fmt::Debug for SessionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFile")
            .field("session_count", &self.0.records.len())
            .field("pattern_count", &self.0.patterns.len())
            .finish_non_exhaustive()
    }
}

fn decode(bytes: &[u8]) -> Result<&str, Diagnostics> {
    // In UTF-16 and UTF-32, half of what is ASCII are zeros, or more.
    let start = bytes.get(..64).unwrap_or(bytes);
    let is_other = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    let mut diagnostics = Diagnostics::default();
    if is_other || start.contains(&0) {
        let message = "this is not UTF-8 text, but perhaps UTF-16; expected UTF-8";
        diagnostics.add(0, format_args!("{message}"));
        return Err(diagnostics);
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let message = "this byte is not UTF-8; expected UTF-8";
        diagnostics.add(error.valid_up_to(), format_args!("{message}"));
        diagnostics
    })
}
