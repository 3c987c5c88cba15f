//! What the batteries catch: a store with a deliberate bug breaks the rules that
//! [`caught::BUGS`] names for it, the same store without a bug breaks none, and
//! every rule is named for some bug.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod bug;
mod caught;
mod changes;
mod edit;
mod import;
mod judge;
mod list;
mod lookup;
mod place;
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use bug::Bug;
use place::BuggyFixture;
use tokio::runtime::Runtime;

type Rule = fn(BuggyFixture) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! rules {
    ([$battery:ident] $($rule:ident)*) => {
        vec![$((
            concat!(stringify!($battery), "::", stringify!($rule)),
            |fixture| Box::pin(async move {
                dcv_resolver_conformance::$battery::$rule(&fixture).await;
            }),
        )),*]
    };
}

/// Returns every rule, by `battery::rule`.
fn all_rules() -> BTreeMap<&'static str, Rule> {
    let batteries: [Vec<(&'static str, Rule)>; 10] = [
        dcv_resolver_conformance::__read_rules! { (rules) [read] },
        dcv_resolver_conformance::__list_rules! { (rules) [list] },
        dcv_resolver_conformance::__registry_rules! { (rules) [registry] },
        dcv_resolver_conformance::__import_rules! { (rules) [import] },
        dcv_resolver_conformance::__durability_rules! { (rules) [durability] },
        dcv_resolver_conformance::__shared_rules! { (rules) [shared] },
        dcv_resolver_conformance::__outage_rules! { (rules) [outage] },
        dcv_resolver_conformance::__outage_registry_rules! { (rules) [outage_registry] },
        dcv_resolver_conformance::__changes_rules! { (rules) [changes] },
        dcv_resolver_conformance::__changes_registry_rules! { (rules) [changes_registry] },
    ];
    batteries.into_iter().flatten().collect()
}

/// Returns a runtime on whose threads a panic, which is expected, is silent.
fn silent_runtime() -> Runtime {
    let loud = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("rule") {
            loud(panic);
        }
    }));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .thread_name("rule")
        .enable_all()
        .build()
        .unwrap()
}

fn breaks(runtime: &Runtime, rule: Rule, bug: Option<Bug>) -> bool {
    let run = runtime.spawn(rule(BuggyFixture::with(bug)));
    runtime.block_on(run).is_err()
}

#[test]
fn store_without_a_bug_breaks_no_rule() {
    let runtime = silent_runtime();
    for (name, rule) in all_rules() {
        assert!(!breaks(&runtime, rule, None), "{name}");
    }
}

#[test]
fn every_bug_is_caught_by_the_rules_named_for_it() {
    let runtime = silent_runtime();
    let rules = all_rules();
    let mut missed = Vec::new();
    for (bug, expected) in caught::BUGS {
        assert!(!expected.is_empty(), "{bug:?} is caught by nothing");
        for name in *expected {
            if !breaks(&runtime, rules[name], Some(*bug)) {
                missed.push((bug, name));
            }
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

#[test]
fn every_rule_catches_a_bug() {
    let rules: BTreeSet<_> = all_rules().into_keys().collect();
    let named = caught::BUGS.iter().flat_map(|(_, rules)| *rules);
    let catching: BTreeSet<_> = named.copied().collect();
    let idle: Vec<_> = rules.difference(&catching).collect();
    assert!(idle.is_empty(), "these rules catch nothing: {idle:#?}");
}
