//! Which imports are a cycle, on small crates in a temporary folder.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

use std::fs;

/// The cycles of a crate of these files, each without the places.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    cycles_with_places(files)
        .into_iter()
        .map(|cycle| cycle.split(" (").next().unwrap().to_owned())
        .collect()
}

fn cycles_with_places(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = folder.path().join(files[0].0);
    let shown = format!("{}/", folder.path().display());
    dcv_resolver_module_cycles::cycles(&root)
        .unwrap()
        .iter()
        .map(|cycle| cycle.to_string().replace(&shown, ""))
        .collect()
}

#[test]
fn siblings_that_import_each_other_are_a_cycle() {
    let cycles = cycles_with_places(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "//! A.\n\nuse crate::b::B;\npub struct A(B);"),
        ("b.rs", "use super::a::A;\npub struct B(Box<A>);"),
    ]);
    assert_eq!(cycles, ["a -> b -> a (a.rs:3, b.rs:1)"]);
}

#[test]
fn longer_way_round_is_a_cycle() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "use crate::c::C; pub struct B(C);"),
        ("c.rs", "use crate::a::A; pub struct C(Box<A>);"),
    ]);
    assert_eq!(cycles, ["a -> b -> c -> a"]);
}

#[test]
fn parent_that_uses_a_child_that_uses_it_is_a_cycle() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod server;"),
        (
            "server.rs",
            "mod accept; pub struct Server; fn run() { accept::accept() }",
        ),
        (
            "server/accept.rs",
            "use super::Server; pub fn accept() -> Server { Server }",
        ),
    ]);
    assert_eq!(cycles, ["server -> server::accept -> server"]);
}

#[test]
fn parent_that_only_re_exports_is_no_cycle() {
    let cycles = cycles_of(&[
        (
            "lib.rs",
            "mod a; mod b; pub use a::A; pub(crate) use b::*; pub struct Root;",
        ),
        ("a.rs", "use crate::Root; pub struct A(Root);"),
        ("b.rs", "use crate::Root; pub struct B(Root);"),
    ]);
    assert_eq!(cycles, [""; 0]);
}

#[test]
fn re_export_that_the_parent_uses_itself_is_a_cycle() {
    let cycles = cycles_of(&[
        (
            "lib.rs",
            "mod a; pub use a::A; pub struct Root; fn root(_: A) {}",
        ),
        ("a.rs", "use crate::Root; pub struct A(Root);"),
    ]);
    assert_eq!(cycles, ["crate -> a -> crate"]);
}

#[test]
fn import_through_a_re_export_depends_on_where_the_item_is_defined() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
        ("a.rs", "use crate::B; pub struct A(B);"),
        ("b.rs", "use crate::A; pub struct B(Box<A>);"),
    ]);
    assert_eq!(cycles, ["a -> b -> a"]);
}

#[test]
fn glob_import_depends_on_the_names_that_are_used() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::*; pub struct A(B);"),
        ("b.rs", "use crate::a::A; pub struct B(Box<A>);"),
        ("c.rs", "use crate::a::*; pub struct C;"),
    ]);
    assert_eq!(cycles, ["a -> b -> a"]);
}

#[test]
fn path_in_the_arguments_of_a_macro_counts() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use crate::b; pub fn a() -> bool { matches!(b::B, b::B) }",
        ),
        (
            "b.rs",
            "pub struct B; fn b() { assert!([1].map(|_| crate::a::a())[0]) }",
        ),
    ]);
    assert_eq!(cycles, ["a -> b -> a"]);
}

#[test]
fn importing_a_module_without_using_an_item_of_it_is_no_edge() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b; pub struct A;"),
        ("b.rs", "use crate::a::A; pub struct B(A);"),
    ]);
    assert_eq!(cycles, [""; 0]);
}

#[test]
fn inline_modules_belong_to_their_file_and_tests_are_left_out() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub struct A; mod inline { use crate::b::B; pub struct C(B); }
             #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        (
            "b/mod.rs",
            "pub struct B; #[cfg(all(test, unix))] mod tests { use crate::a::A; }",
        ),
    ]);
    assert_eq!(cycles, [""; 0]);
}

#[test]
fn missing_module_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("lib.rs");
    fs::write(&root, "mod absent;").unwrap();
    let error = dcv_resolver_module_cycles::cycles(&root).unwrap_err();
    assert!(error.to_string().ends_with("absent.rs"), "{error}");
}

#[test]
fn globs_of_another_crate_and_imports_of_its_own_name_end() {
    let cycles = cycles_of(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "use one::Kind::*; use two::Kind::*; use log::log; use crate::b::B; pub struct A(B, Other); fn run() { log::warn() }",
        ),
        ("b.rs", "use crate::a::A; pub struct B(Box<A>);"),
    ]);
    assert_eq!(cycles, ["a -> b -> a"]);
}
