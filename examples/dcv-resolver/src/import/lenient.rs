//! Reads JSON whose keys are spelled in several ways.

use serde_json::Value;

/// Returns the value of a key, in any spelling: `WebUrlPath`, `webUrlPath` and
/// `web_url_path` are one key.
///
/// The documentation of the Session Manager Broker spells keys differently in its
/// reference and in its examples.
pub(super) fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    object.get(key).or_else(|| {
        let mut fields = object.iter();
        fields.find_map(|(name, value)| letters(name).eq(letters(key)).then_some(value))
    })
}

/// Returns a text that is not empty.
pub(super) fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    field(object, key)?.as_str().filter(|text| !text.is_empty())
}

/// Returns a port, which is a number or, in older versions, a text.
pub(super) fn port(object: &Value, key: &str) -> Option<u16> {
    let port = match field(object, key)? {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64().and_then(|port| port.try_into().ok()),
    };
    port.filter(|port| *port > 0)
}

fn letters(name: &str) -> impl Iterator<Item = char> + '_ {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_is_found_in_every_spelling() {
        for name in ["WebUrlPath", "webUrlPath", "web_url_path", "web-url-path"] {
            assert_eq!(text(&json!({name: "/dcv"}), "WebUrlPath"), Some("/dcv"));
        }
        assert_eq!(text(&json!({"Path": "/dcv"}), "WebUrlPath"), None);
        assert_eq!(text(&json!({"WebUrlPath": ""}), "WebUrlPath"), None);
        assert_eq!(text(&json!(null), "WebUrlPath"), None);
    }

    #[test]
    fn port_is_a_number_or_a_text() {
        for (value, expected) in [
            (json!(8443), Some(8443)),
            (json!("8443"), Some(8443)),
            (json!(0), None),
            (json!(70_000), None),
            (json!(""), None),
            (json!(null), None),
        ] {
            assert_eq!(port(&json!({"Port": value}), "Port"), expected, "{value}");
        }
    }
}
