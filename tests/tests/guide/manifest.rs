//! Manifests of crates that readers create beside the repository.

use std::fs;
use std::path::Path;

use dcv_resolver_tests::repository::in_repository;

use toml::{Table, Value};

use crate::chapter::read;

/// Checks that each dependency is a crate of the repository, by its path, or has
/// the version that the workspace requires.
pub(crate) fn check(path: &Path) {
    let beside = read_manifest(path);
    let workspace = read_manifest(&in_repository("Cargo.toml"));
    let required = &workspace["workspace"]["dependencies"];
    for (_, name, dependency) in dependencies(&beside) {
        if let Some(folder) = dependency.get("path").and_then(Value::as_str) {
            let folder = path.parent().unwrap().join(folder);
            let package = read_manifest(&folder.join("Cargo.toml"));
            assert_eq!(package["package"]["name"].as_str(), Some(name));
            continue;
        }
        let (ours, theirs) = (version(&required[name]), version(dependency));
        let is_prefix = ours == theirs || ours.starts_with(&format!("{theirs}."));
        assert!(
            is_prefix,
            "{name}: the workspace requires {ours}, not {theirs}"
        );
    }
}

fn read_manifest(path: &Path) -> Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The dependencies of all kinds, each with its kind and its name.
fn dependencies(manifest: &Table) -> Vec<(&str, &str, &Value)> {
    let mut dependencies = Vec::new();
    for kind in ["dependencies", "dev-dependencies"] {
        for (name, dependency) in manifest
            .get(kind)
            .and_then(Value::as_table)
            .into_iter()
            .flatten()
        {
            dependencies.push((kind, name.as_str(), dependency));
        }
    }
    dependencies
}

fn version(dependency: &Value) -> &str {
    let version = dependency.get("version").unwrap_or(dependency);
    version.as_str().unwrap()
}

/// What a manifest requires, but for versions and paths.
fn requirements(manifest: &Table) -> Vec<(&str, &str, Option<&Value>)> {
    let of_each = dependencies(manifest).into_iter();
    of_each
        .map(|(kind, name, dependency)| (kind, name, dependency.get("features")))
        .collect()
}

#[test]
fn backend_beside_the_repository_requires_what_the_example_does() {
    let example = read_manifest(&in_repository("examples/postgres/Cargo.toml"));
    let blocks = read("write-a-backend.md");
    let block = blocks.iter().find(|block| block.kind == "toml").unwrap();
    let beside: Table = block.text.parse().unwrap();
    assert_eq!(requirements(&beside), requirements(&example));
}
