//! [`KeyFile`]: sections with keys and values, as `dcv.conf` has them.

use crate::invalid_config::InvalidConfig;
use crate::listen_endpoint::ListenEndpoint;

/// The settings of a file: sections with keys and values, as in a key file of GLib.
///
/// A parser of its own, because values are in the text format of GVariant, which the
/// parsers of INI files on crates.io return with their quotes and escapes.
pub(crate) struct KeyFile<'a> {
    settings: Vec<Setting<'a>>,
}

struct Setting<'a> {
    section: &'a str,
    key: &'a str,
    value: &'a str,
    line: usize,
}

/// A value, and where it is.
pub(crate) struct Value<'a> {
    key: &'a str,
    text: &'a str,
    line: usize,
}

impl<'a> KeyFile<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, InvalidConfig> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut section = None;
        let mut settings = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let text = without_comment(text);
            if let Some(name) = text.strip_prefix('[') {
                let name = name.strip_suffix(']').ok_or(InvalidConfig::Line { line })?;
                section = Some(name.trim());
                continue;
            }
            let (key, value) = text.split_once('=').ok_or(InvalidConfig::Line { line })?;
            settings.push(Setting {
                section: section.ok_or(InvalidConfig::NoSection { line })?,
                key: key.trim(),
                value: value.trim(),
                line,
            });
        }
        Ok(Self { settings })
    }

    /// Returns a value. The last one applies if there are several.
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<Value<'a>> {
        let is_it = |setting: &&Setting<'_>| setting.section == section && setting.key == key;
        let setting = self.settings.iter().rev().find(is_it)?;
        Some(Value {
            key: setting.key,
            text: setting.value,
            line: setting.line,
        })
    }
}

impl Value<'_> {
    pub(crate) fn text(&self) -> Result<String, InvalidConfig> {
        let text = unquoted(self.text);
        text.ok_or_else(|| self.invalid("a string in quotes"))
    }

    pub(crate) fn boolean(&self) -> Result<bool, InvalidConfig> {
        let parsed = unquoted(self.text).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.invalid("true or false"))
    }

    pub(crate) fn port(&self) -> Result<u16, InvalidConfig> {
        let parsed = unquoted(self.text).and_then(|text| text.parse().ok());
        let port = parsed.filter(|port| *port > 0);
        port.ok_or_else(|| self.invalid("a port from 1 to 65535"))
    }

    pub(crate) fn endpoints(&self) -> Result<Vec<ListenEndpoint>, InvalidConfig> {
        let parsed = endpoints(self.text);
        let endpoints = parsed.filter(|all| all.iter().all(|it| it.port() != Some(0)));
        endpoints.ok_or_else(|| {
            self.invalid(
                "a list of addresses with or without ports, such as ['0.0.0.0', '[::]:8443']",
            )
        })
    }

    pub(crate) fn invalid(&self, expected: &str) -> InvalidConfig {
        InvalidConfig::Value {
            line: self.line,
            key: self.key.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Returns `text` up to a `#` or `;` that follows a blank and is not in quotes.
///
/// Without the blank, an unquoted path or URL would end at such a character.
fn without_comment(text: &str) -> &str {
    let mut quote = None;
    let mut is_escaped = false;
    let mut follows_blank = false;
    for (offset_bytes, character) in text.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if character == '\\' => is_escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None => match character {
                '#' | ';' if follows_blank => {
                    return text.get(..offset_bytes).unwrap_or_default().trim_end();
                }
                '"' | '\'' => quote = Some(character),
                _ => {}
            },
        }
        follows_blank = character.is_whitespace();
    }
    text
}

/// Returns the text of a string of GVariant, and other values as they are; `None` if
/// the quotes do not enclose the whole value.
fn unquoted(value: &str) -> Option<String> {
    let mut characters = value.chars();
    let Some(quote @ ('"' | '\'')) = characters.next() else {
        return Some(value.to_owned());
    };
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\\' => text.push(characters.next()?),
            end if end == quote => break,
            other => text.push(other),
        }
    }
    characters.as_str().is_empty().then_some(text)
}

/// Parses a list such as `['0.0.0.0', '[::]:8443']`, also with its type before it,
/// as GVariant writes it if it is empty: `@as []`.
fn endpoints(list: &str) -> Option<Vec<ListenEndpoint>> {
    let list = list.strip_prefix("@as").map_or(list, str::trim_start);
    let elements = list.strip_prefix('[')?.strip_suffix(']')?.trim();
    let elements = elements.split(',').map(str::trim);
    elements
        .filter(|element| !element.is_empty())
        .map(|element| unquoted(element)?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(file: &str, section: &str, key: &str) -> Option<String> {
        let file = KeyFile::parse(file).unwrap();
        file.get(section, key).map(|value| value.text().unwrap())
    }

    #[test]
    fn settings_are_read_with_their_sections() {
        let file = "\u{feff}# a comment\r\n\
             [connectivity]\r\n\
             web-port=8443\r\n\
             ; another comment\n\
             [ security ] # of clients\n\
             verifier = 'https://broker.example:8445/x#y' # the broker\n\
             regex=\"^https://gw\\\\.example;\\\"$\" ; anchored\n\
             plain=/a#b;c\n";
        for (section, key, value) in [
            ("connectivity", "web-port", Some("8443")),
            ("connectivity", "verifier", None),
            (
                "security",
                "verifier",
                Some("https://broker.example:8445/x#y"),
            ),
            ("security", "regex", Some(r#"^https://gw\.example;"$"#)),
            ("security", "plain", Some("/a#b;c")),
        ] {
            assert_eq!(text(file, section, key).as_deref(), value, "{key}");
        }
    }

    #[test]
    fn last_value_of_a_key_applies() {
        let file = "[a]\nk=1\n[b]\nk=2\n[a]\nk=3\n";
        assert_eq!(text(file, "a", "k").as_deref(), Some("3"));
    }

    #[test]
    fn values_are_read_with_and_without_quotes_and_comments() {
        for value in ["9443", "\"9443\"", "'9443'  # TCP", "9443 ; TCP"] {
            let file = format!("[a]\nport = {value}\n");
            let file = KeyFile::parse(&file).unwrap();
            assert_eq!(file.get("a", "port").unwrap().port(), Ok(9443), "{value}");
        }
        let file = KeyFile::parse("[a]\non=true # yes\noff='false'\n").unwrap();
        assert_eq!(file.get("a", "on").unwrap().boolean(), Ok(true));
        assert_eq!(file.get("a", "off").unwrap().boolean(), Ok(false));
    }

    #[test]
    fn lists_are_read_with_and_without_quotes_and_comments() {
        for (value, expected) in [
            ("['0.0.0.0', '[::%eth1]:9443']", vec![None, Some(9443)]),
            ("[ \"0.0.0.0:9443\" ] # IPv4", vec![Some(9443)]),
            ("[0.0.0.0:9443,]", vec![Some(9443)]),
            ("[]", vec![]),
            ("@as []", vec![]),
        ] {
            let file = format!("[a]\nlist={value}\n");
            let file = KeyFile::parse(&file).unwrap();
            let endpoints = file.get("a", "list").unwrap().endpoints().unwrap();
            let ports: Vec<_> = endpoints.iter().map(ListenEndpoint::port).collect();
            assert_eq!(ports, expected, "{value}");
        }
    }

    #[test]
    fn line_of_another_form_is_named_and_not_quoted() {
        for (file, expected) in [
            ("[a]\n\ntr0ub4dor\n", InvalidConfig::Line { line: 3 }),
            ("[tr0ub4dor\n", InvalidConfig::Line { line: 1 }),
            (
                "# a\nkey=tr0ub4dor\n[a]\n",
                InvalidConfig::NoSection { line: 2 },
            ),
        ] {
            let error = KeyFile::parse(file).err().unwrap();
            assert_eq!(error, expected);
            assert!(!error.to_string().contains("tr0ub4dor"));
        }
    }

    #[test]
    fn invalid_value_is_named_and_not_quoted() {
        let file =
            "[a]\nport=0\non=yes\ntext='tr0ub4dor\nmore='a' b\nlist='0.0.0.0'\nzero=['a:0']\n";
        let file = KeyFile::parse(file).unwrap();
        let value = |key| file.get("a", key).unwrap();
        for (error, expected) in [
            (
                value("port").port().unwrap_err(),
                "line 2: port has an invalid value; write a port from 1 to 65535",
            ),
            (
                value("on").boolean().unwrap_err(),
                "line 3: on has an invalid value; write true or false",
            ),
            (
                value("text").text().unwrap_err(),
                "line 4: text has an invalid value; write a string in quotes",
            ),
            (
                value("more").text().unwrap_err(),
                "line 5: more has an invalid value; write a string in quotes",
            ),
            (
                value("list").endpoints().unwrap_err(),
                "line 6: list has an invalid value; write a list of addresses with or without ports, such as ['0.0.0.0', '[::]:8443']",
            ),
            (
                value("zero").endpoints().unwrap_err(),
                "line 7: zero has an invalid value; write a list of addresses with or without ports, such as ['0.0.0.0', '[::]:8443']",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
