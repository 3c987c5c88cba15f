//! The JSON Schema of the configuration, for editors, and for
//! [`validate`](super::validate).

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::shape::Config;

/// Returns the JSON Schema 2020-12 of the configuration. Editors and this
/// program validate a file against the same schema.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let settings = SchemaSettings::draft2020_12().for_deserialize();
        settings
            .with(|settings| settings.inline_subschemas = true)
            .with_transform(RecursiveTransform(for_toml))
            .into_generator()
            .into_root_schema_for::<Config>()
            .to_value()
    });
    &SCHEMA
}

/// Removes nulls, which TOML does not have, and the line breaks of comments.
fn for_toml(schema: &mut Schema) {
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        let paragraphs = description.split("\n\n").map(|it| it.replace('\n', " "));
        *description = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Editors fetch it from the repository.
    #[test]
    fn schema_in_the_repository_is_current() {
        let kept = include_str!("../../dcv-resolver.schema.json");
        let generated = format!("{:#}\n", schema());
        assert!(
            kept == generated,
            "out of date: dcv-resolver config-schema > examples/dcv-resolver/dcv-resolver.schema.json"
        );
    }

    #[test]
    fn keys_are_documented_and_unknown_keys_refused() {
        fn visit(path: &str, schema: &Value) {
            if let Some(properties) = schema["properties"].as_object() {
                assert_eq!(schema["additionalProperties"], false, "{path}");
                for (name, property) in properties {
                    let path = format!("{path}.{name}");
                    assert!(property["description"].is_string(), "{path}");
                    visit(&path, property);
                }
            }
            if let Some(items) = schema.get("items") {
                visit(path, items);
            }
        }
        visit("", schema());
    }
}
