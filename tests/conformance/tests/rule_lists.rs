//! A rule is checked only if the list of its battery contains it.

use std::collections::BTreeSet;
use std::fs;

const SOURCES: &[(&str, &str)] = &[
    ("read", include_str!("../src/read.rs")),
    ("list", include_str!("../src/list.rs")),
    ("registry", include_str!("../src/registry/deregister.rs")),
    ("registry", include_str!("../src/registry/dropped.rs")),
    ("registry", include_str!("../src/registry/list.rs")),
    ("registry", include_str!("../src/registry/register.rs")),
    ("registry", include_str!("../src/registry/renew.rs")),
    ("registry", include_str!("../src/registry/sweep.rs")),
    ("import", include_str!("../src/import.rs")),
    ("durability", include_str!("../src/durability.rs")),
    ("shared", include_str!("../src/shared.rs")),
    ("outage", include_str!("../src/outage.rs")),
    ("outage_registry", include_str!("../src/outage_registry.rs")),
    ("changes", include_str!("../src/changes.rs")),
    (
        "changes_registry",
        include_str!("../src/changes_registry.rs"),
    ),
];

macro_rules! names {
    ([$battery:ident] $($rule:ident)*) => {
        vec![$((stringify!($battery), stringify!($rule))),*]
    };
}

/// Returns every rule that is on a list, with its battery.
fn listed_rules() -> BTreeSet<(&'static str, &'static str)> {
    [
        dcv_resolver_conformance::__read_rules! { (names) [read] },
        dcv_resolver_conformance::__list_rules! { (names) [list] },
        dcv_resolver_conformance::__registry_rules! { (names) [registry] },
        dcv_resolver_conformance::__import_rules! { (names) [import] },
        dcv_resolver_conformance::__durability_rules! { (names) [durability] },
        dcv_resolver_conformance::__shared_rules! { (names) [shared] },
        dcv_resolver_conformance::__outage_rules! { (names) [outage] },
        dcv_resolver_conformance::__outage_registry_rules! { (names) [outage_registry] },
        dcv_resolver_conformance::__changes_rules! { (names) [changes] },
        dcv_resolver_conformance::__changes_registry_rules! { (names) [changes_registry] },
    ]
    .concat()
    .into_iter()
    .collect()
}

#[test]
fn every_rule_is_listed_and_documents_what_it_checks() {
    let mut written = BTreeSet::new();
    for (battery, source) in SOURCES {
        let mut doc = String::new();
        for line in source.lines() {
            if let Some(function) = line.strip_prefix("pub async fn ") {
                let name = function.split('<').next().unwrap_or(function);
                written.insert((*battery, name));
                assert!(
                    doc.starts_with("/// Checks "),
                    "{name} does not document what it checks"
                );
                if let Some(letter) = rule_letter(name) {
                    assert!(doc.contains(&letter), "{name} does not document {letter}");
                }
            }
            if line.starts_with("///") {
                doc.push_str(line);
            } else {
                doc.clear();
            }
        }
    }
    assert_eq!(written, listed_rules());
}

/// Returns the rule that leads a name: `R4` of `r4_expired_record_counts_as_absent`.
fn rule_letter(name: &str) -> Option<String> {
    let (rule, _) = name.split_once('_')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(rule.get(1..)?).then(|| rule.to_ascii_uppercase())
}

#[test]
fn every_deliberate_bug_names_a_rule() {
    let rules: BTreeSet<_> = listed_rules()
        .into_iter()
        .map(|(battery, rule)| format!("{battery}::{rule}"))
        .collect();
    let patches = concat!(env!("CARGO_MANIFEST_DIR"), "/deliberate-bugs");
    for patch in fs::read_dir(patches).unwrap() {
        let path = patch.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let caught_by = text.lines().nth(1).unwrap();
        let is_rule = rules.iter().any(|rule| caught_by.ends_with(rule));
        assert!(is_rule, "{}: {caught_by}", path.display());
    }
}
