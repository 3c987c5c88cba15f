//! A rule runs only if it is on its battery's list.

use std::collections::BTreeSet;

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
];

macro_rules! names {
    ([$battery:ident] $($rule:ident)*) => {
        vec![$((stringify!($battery), stringify!($rule))),*]
    };
}

#[test]
fn every_rule_is_on_its_list_and_says_what_it_proves() {
    let listed: BTreeSet<_> = [
        dcv_resolver_conformance::__read_rules! { (names) [read] },
        dcv_resolver_conformance::__list_rules! { (names) [list] },
        dcv_resolver_conformance::__registry_rules! { (names) [registry] },
        dcv_resolver_conformance::__import_rules! { (names) [import] },
        dcv_resolver_conformance::__durability_rules! { (names) [durability] },
        dcv_resolver_conformance::__shared_rules! { (names) [shared] },
    ]
    .concat()
    .into_iter()
    .collect();

    let mut written = BTreeSet::new();
    for (battery, source) in SOURCES {
        let mut doc = String::new();
        for line in source.lines() {
            if let Some(function) = line.strip_prefix("pub async fn ") {
                let name = function.split('<').next().unwrap_or(function);
                written.insert((*battery, name));
                assert!(doc.contains("/// [`Session"), "{name} names no rule");
            }
            if line.starts_with("///") {
                doc.push_str(line);
            } else {
                doc.clear();
            }
        }
    }
    assert_eq!(written, listed);
}
