//! Validates a file against the schema and reports every error in it.
//!
//! serde stops at the first, and its messages name Rust types.

use std::fmt;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::diagnostic::{Diagnostics, Quoted};
use super::schema::schema;
use super::spelling::{nearest, one_of};
use super::text;

/// Validates the whole document.
pub(super) fn document(document: &Spanned<DeTable<'_>>, diagnostics: &mut Diagnostics) {
    let place = Place {
        path: String::new(),
        table: "at the top".to_owned(),
    };
    table(
        &place,
        document.span().start,
        document.get_ref(),
        schema(),
        diagnostics,
    );
}

/// A place in the document, as messages name it.
struct Place {
    /// `limits.burst`; empty for the document.
    path: String,
    /// `in [limits]`.
    table: String,
}

impl Place {
    fn key(&self, key: &str, schema: &Value) -> Self {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        let table = match schema["type"].as_str() {
            Some("array") => format!("in [[{path}]]"),
            _ => format!("in [{path}]"),
        };
        Self { path, table }
    }
}

fn table(
    place: &Place,
    offset: usize,
    table: &DeTable<'_>,
    schema: &Value,
    diagnostics: &mut Diagnostics,
) {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    // The parser sorts by key; the first diagnostics are the first of the file.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| key.span().start);
    for (key, node) in entries {
        let name: &str = key.get_ref();
        let free = &schema["additionalProperties"];
        if let Some(property) = properties.get(name) {
            value(&place.key(name, property), node, property, diagnostics);
        } else if free.is_object() {
            let format = schema["propertyNames"]["format"].as_str();
            if let Err(error) = text::check(format.unwrap_or_default(), name) {
                let message = format!("{} {}: {error}", place.table, Quoted(name));
                diagnostics.add(key.span().start, message);
            }
            // Any text may be a key there.
            value(
                &place.key(&Quoted(name).to_string(), free),
                node,
                free,
                diagnostics,
            );
        } else {
            let unknown = UnknownKey {
                place,
                name,
                properties,
            };
            diagnostics.add(key.span().start, unknown);
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        if !table.contains_key(name) {
            diagnostics.add(offset, format!("there is no `{name}` {}", place.table));
        }
    }
}

fn value(
    place: &Place,
    node: &Spanned<DeValue<'_>>,
    schema: &Value,
    diagnostics: &mut Diagnostics,
) {
    let offset = node.span().start;
    match node.get_ref() {
        DeValue::Table(inner) if takes(schema, "object") => {
            table(place, offset, inner, schema, diagnostics);
        }
        DeValue::Array(inner) if takes(schema, "array") => {
            array(place, offset, inner, schema, diagnostics);
        }
        DeValue::Integer(inner) if takes(schema, "integer") => {
            if let Err(found) = integer(inner, schema) {
                diagnostics.add(offset, wrong(place, &found, schema));
            }
        }
        DeValue::String(inner) if takes(schema, "string") => {
            if let Err(message) = string(place, inner, schema) {
                diagnostics.add(offset, message);
            }
        }
        DeValue::Boolean(_) if takes(schema, "boolean") => {}
        other => diagnostics.add(offset, wrong(place, describe(other), schema)),
    }
}

/// Returns whether a value of this type is valid. A schema without a type
/// takes strings.
fn takes(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => kind == "string",
    }
}

fn array(
    place: &Place,
    offset: usize,
    array: &DeArray<'_>,
    schema: &Value,
    diagnostics: &mut Diagnostics,
) {
    if (array.len() as u64) < schema["minItems"].as_u64().unwrap_or(0) {
        diagnostics.add(offset, wrong(place, "an empty list", schema));
    }
    let of_tables = schema["items"]["type"] == "object";
    for item in array {
        match item.get_ref() {
            // The list itself is written wrong, not one item of it.
            other if of_tables && !matches!(other, DeValue::Table(_)) => {
                let found = format!("a list with {}", describe(other));
                diagnostics.add(item.span().start, wrong(place, &found, schema));
            }
            _ => value(place, item, &schema["items"], diagnostics),
        }
    }
}

/// Returns the number as written if it is out of bounds.
fn integer(integer: &DeInteger<'_>, schema: &Value) -> Result<(), String> {
    let found = integer.as_str();
    let within = |number: i64| {
        schema["minimum"].as_i64().is_none_or(|min| number >= min)
            && schema["maximum"].as_i64().is_none_or(|max| number <= max)
    };
    match i64::from_str_radix(found, integer.radix()) {
        Ok(number) if within(number) => Ok(()),
        _ => Err(found.to_owned()),
    }
}

fn string(place: &Place, found: &str, schema: &Value) -> Result<(), String> {
    let words = words(schema);
    if !words.is_empty() && !words.contains(&found) {
        let message = wrong(place, &Quoted(found).to_string(), schema);
        return Err(match nearest(found, words) {
            Some(word) => format!("{message}; did you mean {word:?}?"),
            None => message,
        });
    }
    if found.is_empty() && schema["minLength"].as_u64() > Some(0) {
        return Err(wrong(place, "empty", schema));
    }
    let format = schema["format"].as_str().unwrap_or_default();
    text::check(format, found).map_err(|error| {
        // A value that may hold a secret is not quoted.
        if schema["writeOnly"] == true {
            format!("`{}`: {error}", place.path)
        } else {
            format!("`{}` is {}: {error}", place.path, Quoted(found))
        }
    })
}

fn wrong(place: &Place, found: &str, schema: &Value) -> String {
    let path = &place.path;
    format!("`{path}` is {found}; expected {}", expected(path, schema))
}

fn expected(path: &str, schema: &Value) -> String {
    match schema["type"].as_str() {
        None if takes(schema, "object") => "true, false or a table".to_owned(),
        Some("integer") => {
            let unit = if path.ends_with("_ms") {
                " of milliseconds"
            } else {
                ""
            };
            let bound = |name| schema[name].as_i64().unwrap_or_default();
            let (min, max) = (bound("minimum"), bound("maximum"));
            format!("a whole number{unit} from {min} to {max}")
        }
        Some("object") => "a table".to_owned(),
        Some("array") if schema["items"]["type"] == "object" => {
            format!("an array of tables, each under [[{path}]]")
        }
        Some("array") if schema["minItems"].as_u64() > Some(0) => {
            "a list of one string or more in square brackets".to_owned()
        }
        Some("array") => "a list of strings in square brackets".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        _ => {
            let words: Vec<_> = words(schema)
                .iter()
                .map(|word| format!("{word:?}"))
                .collect();
            match &words[..] {
                [] if schema["format"] == "path" => "a path in quotes".to_owned(),
                [] => "a string in quotes".to_owned(),
                words => one_of(words),
            }
        }
    }
}

/// Returns the only strings that are allowed, if the schema lists them.
fn words(schema: &Value) -> Vec<&str> {
    let list = |name| schema[name].as_array().into_iter().flatten();
    let described = list("oneOf").map(|word| &word["const"]);
    list("enum")
        .chain(described)
        .filter_map(Value::as_str)
        .collect()
}

/// Displays what is wrong with an unknown key, and what may have been meant.
struct UnknownKey<'a> {
    place: &'a Place,
    name: &'a str,
    properties: &'a Map<String, Value>,
}

impl fmt::Display for UnknownKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            name,
            properties,
        } = self;
        write!(f, "unknown key {} {}; ", Quoted(name), place.table)?;
        let near = nearest(name, properties.keys().map(String::as_str));
        match (near, one_of(&homes(name)).as_str()) {
            (Some(near), "") => write!(f, "did you mean `{near}`?"),
            (Some(near), homes) => write!(f, "did you mean `{near}`? `{name}` belongs {homes}"),
            (None, "") => {
                let names: Vec<_> = properties.keys().map(|key| format!("`{key}`")).collect();
                write!(f, "expected {}", one_of(&names))
            }
            (None, homes) => write!(f, "it belongs {homes}"),
        }
    }
}

/// Returns the places where a key of this name is valid. In TOML a key is easily
/// in the wrong section: every key below a header belongs to it.
fn homes(name: &str) -> Vec<String> {
    fn visit(
        path: &str,
        brackets: (&str, &str),
        schema: &Value,
        name: &str,
        homes: &mut Vec<String>,
    ) {
        let properties = schema["properties"].as_object();
        for (key, property) in properties.into_iter().flatten() {
            if key == name {
                homes.push(if path.is_empty() {
                    "at the top, above the first [section]".to_owned()
                } else {
                    format!("in {}{path}{}", brackets.0, brackets.1)
                });
            }
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            visit(&path, ("[", "]"), property, name, homes);
            visit(&path, ("[[", "]]"), &property["items"], name, homes);
        }
    }
    let mut homes = Vec::new();
    visit("", ("", ""), schema(), name, &mut homes);
    homes.sort();
    homes
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
