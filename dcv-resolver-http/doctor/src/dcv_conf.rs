//! [`DcvConf`]: the configuration file of a DCV server, `/etc/dcv/dcv.conf`.

use std::fmt;
use std::path::Path;

/// The settings of a DCV server: sections with keys and values, as in a key file
/// of GLib. Which keys exist is not checked: each version adds some.
///
/// Source: Amazon DCV Administrator Guide, "Configuration parameter reference".
/// A parser of its own, because values are in the text format of GVariant, which
/// the parsers of INI files on crates.io return with their quotes and escapes.
///
/// `Debug` shows no value: the URL of the verifier may have a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DcvConf {
    settings: Vec<Setting>,
}

#[derive(Clone, PartialEq, Eq)]
struct Setting {
    section: String,
    key: String,
    value: String,
}

/// Why there are no settings. The text of the file is not quoted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DcvConfError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// A line is neither a section nor a setting nor a comment.
    #[error("line {0} is neither [section] nor key=value nor a comment")]
    Line(usize),
}

impl DcvConf {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or [`parse`](Self::parse) fails.
    pub fn load(path: &Path) -> Result<Self, DcvConfError> {
        let bytes = dcv_resolver_file_watch::read(path).map_err(DcvConfError::Unreadable)?;
        Self::parse(std::str::from_utf8(&bytes).map_err(|_| DcvConfError::NotText)?)
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    ///
    /// When a line is neither a section nor a setting nor a comment.
    pub fn parse(text: &str) -> Result<Self, DcvConfError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut section = String::new();
        let mut settings = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let in_brackets = line.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            if let Some(name) = in_brackets {
                name.trim().clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                settings.push(Setting {
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: unquoted(value.trim()),
                });
            } else {
                return Err(DcvConfError::Line(index + 1));
            }
        }
        Ok(Self { settings })
    }

    /// Returns a value without its quotes. The last one counts if there are
    /// several.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let is_it = |setting: &&Setting| setting.section == section && setting.key == key;
        let setting = self.settings.iter().rev().find(is_it)?;
        Some(&setting.value)
    }

    /// Returns a value that is `true` or `false`; `None` if it is absent or neither.
    #[must_use]
    pub fn get_bool(&self, section: &str, key: &str) -> Option<bool> {
        self.get(section, key)?.parse().ok()
    }

    /// Returns a value that is a port; `None` if it is absent or none.
    #[must_use]
    pub fn get_port(&self, section: &str, key: &str) -> Option<u16> {
        self.get(section, key)?
            .parse()
            .ok()
            .filter(|port| *port > 0)
    }
}

impl fmt::Debug for DcvConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DcvConf").finish_non_exhaustive()
    }
}

/// Returns the text of a string of GVariant, and other values as they are.
fn unquoted(value: &str) -> String {
    let mut characters = value.chars();
    let Some(quote @ ('"' | '\'')) = characters.next() else {
        return value.to_owned();
    };
    let mut text = String::new();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            // What follows the closing quote is no part of the value.
            end if end == quote => break,
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_sections() {
        let conf = DcvConf::parse(
            "# a comment\n\
             [connectivity]\n\
             web-port=8443\n\
             enable-quic-frontend = true\n\
             web-url-path=\"/desktop\"\n\
             ; another comment\n\
             [security]\n\
             auth-token-verifier='https://broker.example:8445/x' # the broker\n\
             allowed-ws-origin-regex=\"^https://gw\\\\.example$\"\n",
        )
        .unwrap();
        assert_eq!(conf.get_port("connectivity", "web-port"), Some(8443));
        let quic = conf.get_bool("connectivity", "enable-quic-frontend");
        assert_eq!(quic, Some(true));
        assert_eq!(conf.get("connectivity", "web-url-path"), Some("/desktop"));
        assert_eq!(
            conf.get("security", "auth-token-verifier"),
            Some("https://broker.example:8445/x")
        );
        assert_eq!(
            conf.get("security", "allowed-ws-origin-regex"),
            Some(r"^https://gw\.example$")
        );
        assert_eq!(conf.get("connectivity", "auth-token-verifier"), None);
    }

    #[test]
    fn last_value_of_a_key_counts() {
        let conf = DcvConf::parse("[a]\nk=1\n[b]\nk=2\n[a]\nk=3\n").unwrap();
        assert_eq!(conf.get("a", "k"), Some("3"));
    }

    #[test]
    fn value_of_another_type_is_none() {
        let conf = DcvConf::parse("[a]\nport=0\nflag=yes\n").unwrap();
        assert_eq!(conf.get_port("a", "port"), None);
        assert_eq!(conf.get_bool("a", "flag"), None);
    }

    #[test]
    fn line_that_is_nothing_is_named() {
        let error = DcvConf::parse("[a]\n\ntr0ub4dor\n").unwrap_err();
        assert!(matches!(error, DcvConfError::Line(3)));
        assert!(!error.to_string().contains("tr0ub4dor"));
    }

    #[test]
    fn values_are_not_shown() {
        let conf = DcvConf::parse("[security]\nauth-token-verifier=\"tr0ub4dor\"\n").unwrap();
        assert_eq!(format!("{conf:?}"), "DcvConf { .. }");
    }
}
