//! Recognizes sessions in a form other than a session file, so that one
//! sentence says what they are, instead of an error for each line.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Format;

/// What a file that could not be used really is, and where that shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OtherFormat {
    pub(crate) offset: usize,
    pub(crate) message: &'static str,
}

const TOML: &str = "this looks like TOML; name the file with the extension .toml";

const JSON: &str = "this looks like JSON; name the file with the extension .json";

const PYTHON: &str = "this looks like Python; expected JSON: the dictionary alone, strings in \
     double quotes, null for None, and no comma after the last entry";

const LIST_SESSIONS: &str = "this looks like the output of `dcv list-sessions --json`, which names \
     neither hosts nor ports; `dcv-resolver import --host` imports it into a registry; expected an object with one entry for each session, such as \
     {\"console\": {\"Host\": \"ws-17.dcv.example\", \"HttpPort\": 8443}}";

const DESCRIBE_SESSIONS: &str = "this looks like the output of DescribeSessions of the Session \
     Manager Broker; `dcv-resolver import` imports it into a registry; expected an object with one entry for each session, such as \
     {\"console\": {\"Host\": \"ws-17.dcv.example\", \"HttpPort\": 8443}}";

/// Returns what `text` is, which is not a session file in `format`.
pub(crate) fn recognize(text: &str, format: Format) -> Option<OtherFormat> {
    let start = text.trim_ascii_start();
    let at_start = |message| OtherFormat {
        offset: text.len() - start.len(),
        message,
    };
    match format {
        Format::Toml => start.starts_with('{').then(|| at_start(JSON)),
        Format::Json if start.starts_with("[sessions") => Some(at_start(TOML)),
        Format::Json if is_list_sessions(start) => Some(at_start(LIST_SESSIONS)),
        Format::Json if is_describe_sessions(start) => Some(at_start(DESCRIBE_SESSIONS)),
        Format::Json if is_assignment(start) => Some(at_start(PYTHON)),
        Format::Json => python_token(text).map(|offset| OtherFormat {
            offset,
            message: PYTHON,
        }),
    }
}

fn is_list_sessions(text: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Session {
        #[serde(rename = "id")]
        _id: IgnoredAny,
        #[serde(rename = "owner")]
        _owner: IgnoredAny,
        #[serde(rename = "type")]
        _type: IgnoredAny,
    }
    text.starts_with('[')
        && serde_json::from_str::<Vec<Session>>(text).is_ok_and(|sessions| !sessions.is_empty())
}

fn is_describe_sessions(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "Sessions")]
        _sessions: Vec<IgnoredAny>,
    }
    text.starts_with('{') && serde_json::from_str::<Answer>(text).is_ok()
}

/// Returns whether `text` starts as `name = {` does.
fn is_assignment(text: &str) -> bool {
    let name_end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    text.split_at_checked(name_end)
        .filter(|(name, _)| !name.is_empty())
        .and_then(|(_, rest)| rest.trim_ascii_start().strip_prefix('='))
        .is_some_and(|rest| rest.trim_ascii_start().starts_with('{'))
}

/// Returns the offset of the first token outside of a JSON string that only
/// Python has: a string in single quotes, or one of its constants.
fn python_token(text: &str) -> Option<usize> {
    // The first entry shows it.
    const LOOKED_AT_BYTES: usize = 64 << 10;
    const CONSTANTS: [&str; 3] = ["None", "True", "False"];

    let mut in_string = false;
    let mut is_escaped = false;
    for (offset, c) in text
        .char_indices()
        .take_while(|(at, _)| *at < LOOKED_AT_BYTES)
    {
        if in_string {
            in_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        let rest = text.get(offset..).unwrap_or("");
        match c {
            '"' => in_string = true,
            '\'' => return Some(offset),
            _ if CONSTANTS.iter().any(|constant| rest.starts_with(constant)) => {
                return Some(offset);
            }
            _ => {}
        }
    }
    None
}
