//! The JSON Schema of the configuration, for editors, and for
//! [`examine`](super::examine).

use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::Config;

/// JSON Schema 2020-12. Editors check a file against it, and so do we: the two
/// cannot disagree.
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

/// TOML has no null, and the line breaks of a comment are not its reader's.
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
    fn the_schema_in_the_repository_is_the_one_of_the_types() {
        let kept = include_str!("../../dcv-resolver.schema.json");
        let generated = format!("{:#}\n", schema());
        assert!(
            kept == generated,
            "out of date: dcv-resolver config-schema > examples/dcv-resolver/dcv-resolver.schema.json"
        );
    }

    #[test]
    fn every_key_is_documented_and_no_table_takes_unknown_keys() {
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
