//! [`reduce`]: what is left of a file without its errors, so that one error does
//! not hide those that have nothing to do with it.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::schema::schema;
use super::spelling::nearest;

/// Removes unknown keys, and each top-level value that holds another error.
/// `errors` are their places. Returns the keys whose values are not known now:
/// what was removed, and what an unknown key may have meant.
pub(super) fn reduce(document: &mut Spanned<DeTable<'_>>, errors: &BTreeSet<usize>) -> Vec<String> {
    let mut doubtful = Vec::new();
    if errors.is_empty() {
        return doubtful;
    }
    remove_unknown("", document.get_mut(), schema(), errors, &mut doubtful);
    let entries = std::mem::take(document.get_mut()).into_iter();
    let valid = entries.filter(|(key, value)| {
        let is_valid = !has_error(value, errors);
        if !is_valid {
            doubtful.push(key.get_ref().to_string());
        }
        is_valid
    });
    *document.get_mut() = valid.collect();
    doubtful
}

fn remove_unknown(
    path: &str,
    table: &mut DeTable<'_>,
    schema: &Value,
    errors: &BTreeSet<usize>,
    doubtful: &mut Vec<String>,
) {
    let properties = schema["properties"].as_object();
    let names = || {
        properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    };
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    let entries = std::mem::take(table).into_iter();
    let known = entries.filter(|(key, _)| {
        let name: &str = key.get_ref();
        let is_known = !errors.contains(&key.span().start);
        if !is_known {
            doubtful.extend(nearest(name, names()).map(below));
        }
        is_known
    });
    *table = known.collect();
    for (key, value) in table.iter_mut() {
        let name: &str = key.get_ref();
        let property = &schema["properties"][name];
        let path = below(name);
        match value.get_mut() {
            DeValue::Table(inner) => remove_unknown(&path, inner, property, errors, doubtful),
            DeValue::Array(items) => {
                for item in items.iter_mut() {
                    if let DeValue::Table(inner) = item.get_mut() {
                        remove_unknown(&path, inner, &property["items"], errors, doubtful);
                    }
                }
            }
            _ => {}
        }
    }
}

fn has_error(value: &Spanned<DeValue<'_>>, errors: &BTreeSet<usize>) -> bool {
    errors.contains(&value.span().start)
        || match value.get_ref() {
            DeValue::Table(table) => table.iter().any(|(_, value)| has_error(value, errors)),
            DeValue::Array(items) => items.iter().any(|item| has_error(item, errors)),
            _ => false,
        }
}
