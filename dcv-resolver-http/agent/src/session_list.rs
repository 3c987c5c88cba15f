//! [`SessionList`]: the output of `dcv list-sessions --json`, parsed.

use std::error::Error;

use dcv_resolver_client::JsonType;
use dcv_resolver_core::escape::escaped;
use serde_json::{Map, Value};

/// The sessions that run on a DCV server, as `dcv list-sessions --json` prints
/// them.
///
/// AWS does not document this output. What public programs rely on is an array
/// of objects with kebab-case keys; only `id` is in every version of it. So only
/// `id` is required here: other keys may be missing, empty, unknown or of another
/// type.
///
/// **An object without an `id` makes the whole list invalid.** If it were left
/// out, a version of DCV that names the key differently would look like a server
/// without sessions.
///
/// ```
/// use dcv_resolver_agent::SessionList;
///
/// let output = br#"[{"id": "console", "owner": "ann", "last-disconnection-time": ""}]"#;
/// let list = SessionList::parse(output)?;
/// assert_eq!(list.sessions()[0].id(), "console");
/// assert_eq!(list.sessions()[0].owner(), Some("ann"));
/// assert!(SessionList::parse(b"[]")?.sessions().is_empty());
/// # Ok::<(), dcv_resolver_agent::InvalidSessionList>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionList(Vec<ListedSession>);

/// One session of a [`SessionList`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    id: String,
    owner: Option<String>,
}

/// An error that occurs when a string is not the output of `dcv list-sessions
/// --json`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSessionList {
    /// The output is not JSON.
    #[error("expected the JSON array that `dcv list-sessions --json` prints")]
    NotJson(#[source] Box<dyn Error + Send + Sync>),
    /// The output is JSON, but not an array.
    #[error("expected a JSON array, as `dcv list-sessions --json` prints it, but found {found}")]
    NotAnArray {
        /// What it is.
        found: JsonType,
    },
    /// An element of the array is not an object.
    #[error("element {index} is {found}; expected an object with the key \"id\"")]
    NotAnObject {
        /// Its index, from 0.
        index: usize,
        /// What it is.
        found: JsonType,
    },
    /// An object has no `id`, or one that is not a string.
    #[error("element {index} has no \"id\" that is a string, only these keys: {keys}")]
    NoId {
        /// Its index, from 0.
        index: usize,
        /// The keys of the object, escaped.
        keys: String,
    },
}

impl SessionList {
    /// Parses the output of `dcv list-sessions --json`.
    ///
    /// # Errors
    ///
    /// [`InvalidSessionList`], when it is not an array of objects that each have
    /// an `id`.
    pub fn parse(output: &[u8]) -> Result<Self, InvalidSessionList> {
        // Programs on Windows write a byte order mark.
        let output = output.strip_prefix("\u{feff}".as_bytes()).unwrap_or(output);
        match serde_json::from_slice(output)
            .map_err(|error| InvalidSessionList::NotJson(error.into()))?
        {
            Value::Array(elements) => elements
                .into_iter()
                .enumerate()
                .map(|(index, element)| session(index, element))
                .collect::<Result<_, _>>()
                .map(Self),
            other => Err(InvalidSessionList::NotAnArray {
                found: json_type(&other),
            }),
        }
    }

    /// Returns the sessions, in the order of the output.
    #[must_use]
    pub fn sessions(&self) -> &[ListedSession] {
        &self.0
    }
}

impl ListedSession {
    /// Returns the id on the DCV server. It is unique on that server only.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the owner, if the output names one.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}

fn session(index: usize, element: Value) -> Result<ListedSession, InvalidSessionList> {
    let Value::Object(mut fields) = element else {
        return Err(InvalidSessionList::NotAnObject {
            index,
            found: json_type(&element),
        });
    };
    let Some(id) = text(&mut fields, "id") else {
        return Err(InvalidSessionList::NoId {
            index,
            keys: keys(&fields),
        });
    };
    let owner = text(&mut fields, "owner");
    Ok(ListedSession { id, owner })
}

/// Takes a text that is not empty.
fn text(fields: &mut Map<String, Value>, key: &str) -> Option<String> {
    match fields.get_mut(key)? {
        Value::String(text) if !text.is_empty() => Some(std::mem::take(text)),
        _ => None,
    }
}

/// Returns the keys of an object, for an error message.
fn keys(fields: &Map<String, Value>) -> String {
    const MAX_BYTES: usize = 200;
    let keys: Vec<_> = fields.keys().map(String::as_str).collect();
    escaped(&keys.join(", "), MAX_BYTES).into_owned()
}

// Not a conversion of the client's: its API would then contain serde_json.
fn json_type(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        Value::Number(_) => JsonType::Number,
        Value::String(_) => JsonType::String,
        Value::Array(_) => JsonType::Array,
        Value::Object(_) => JsonType::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<ListedSession>, String> {
        SessionList::parse(text.as_bytes())
            .map(|list| list.0)
            .map_err(|error| error.to_string())
    }

    fn listed(id: &str, owner: Option<&str>) -> ListedSession {
        ListedSession {
            id: id.to_owned(),
            owner: owner.map(str::to_owned),
        }
    }

    #[test]
    fn output_of_every_known_version_is_parsed() {
        let linux = r#"[{"id":"s1","owner":"ann","name":"cad","type":"virtual",
            "num-of-connections":0,"creation-time":"2026-01-02T03:04:05Z",
            "last-disconnection-time":"","storage-root":"","licensing-mode":"DEMO",
            "x11-display":":2","x11-authority":"/run/user/1009/dcv/s1.xauth",
            "licenses":[{"product":"dcv","status":"LICENSED"}],
            "display-layout":[{"width":800,"height":600,"x":0,"y":0}]},
            {"id":"s2","creation-time":"2026-01-02T03:04:05.678901Z"}]"#;
        let windows = "\u{feff}[{\"id\":\"console\",\"owner\":\"\"}]\r\n";
        assert_eq!(
            parse(linux),
            Ok(vec![listed("s1", Some("ann")), listed("s2", None)])
        );
        assert_eq!(parse(windows), Ok(vec![listed("console", None)]));
        assert_eq!(parse("[]\n"), Ok(vec![]));
    }

    #[test]
    fn keys_other_than_the_id_may_have_any_type() {
        let output = r#"[{"id":"a","owner":null,"name":7},{"id":"b","owner":{"uid":1000}}]"#;
        assert_eq!(
            parse(output),
            Ok(vec![listed("a", None), listed("b", None)])
        );
    }

    #[test]
    fn session_without_an_id_makes_the_whole_list_invalid() {
        for element in [
            r#"{"session-id":"b","owner":"ann"}"#,
            r#"{"owner":"ann","session-id":"b","id":""}"#,
            r#"{"owner":"ann","session-id":"b","id":7}"#,
        ] {
            let error = parse(&format!(r#"[{{"id":"a"}},{element}]"#)).unwrap_err();
            assert!(error.starts_with("element 1 has no \"id\""), "{error}");
            assert!(error.contains("session-id"), "{error}");
        }
    }

    #[test]
    fn what_is_not_a_list_is_named() {
        for (output, expected) in [
            ("", "expected the JSON array"),
            ("Session: 'console' (owner:ann)", "expected the JSON array"),
            (r#"[{"id":"a"}"#, "expected the JSON array"),
            (r#"{"sessions":[]}"#, "but found an object"),
            ("null", "but found null"),
            (r#"["console"]"#, "element 0 is a string"),
        ] {
            let error = parse(output).unwrap_err();
            assert!(error.contains(expected), "{output}: {error}");
        }
    }
}
