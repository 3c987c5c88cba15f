//! Which file defines what another file names.

use std::collections::{BTreeMap, HashSet};

use crate::module::Tree;

/// For each pair of files in which the first names an item of the second, the
/// first line that does.
pub(crate) type Edges = BTreeMap<(usize, usize), usize>;

/// Returns the edges between the files of `tree`.
pub(crate) fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (index, module) in tree.modules.iter().enumerate() {
        for named in &module.named {
            if let Some(Found::Item { file }) =
                find_from(tree, index, &named.path, &mut Seen::new())
                && file != module.file
            {
                let line = edges.entry((module.file, file)).or_insert(named.line);
                *line = named.line.min(*line);
            }
        }
    }
    edges
}

enum Found {
    Module(usize),
    Item { file: usize },
}

/// Modules, and the names that were looked for among their imports: a name is
/// looked for once, since imports may lead back to where they began.
type Seen = HashSet<(usize, String)>;

/// Finds `path` as it is meant in `module`.
fn find_from(tree: &Tree, module: usize, path: &[String], seen: &mut Seen) -> Option<Found> {
    match path.split_first() {
        Some((first, rest)) if first == "crate" => find(tree, 0, rest, seen),
        _ => find(tree, module, path, seen),
    }
}

/// Finds `path` among the names of `module`. A name may be an item and a module
/// at once: the last of a path is the item.
fn find(tree: &Tree, module: usize, path: &[String], seen: &mut Seen) -> Option<Found> {
    let Some((first, rest)) = path.split_first() else {
        return Some(Found::Module(module));
    };
    let names = &tree.modules[module];
    match first.as_str() {
        "self" => return find(tree, module, rest, seen),
        "super" => return find(tree, names.parent?, rest, seen),
        _ => {}
    }
    let item = names
        .items
        .contains(first)
        .then_some(Found::Item { file: names.file });
    if rest.is_empty() && item.is_some() {
        return item;
    }
    let in_child = names
        .children
        .get(first)
        .and_then(|&child| find(tree, child, rest, seen));
    let found = in_child.or(item);
    if found.is_some() || !seen.insert((module, first.clone())) {
        return found;
    }
    let mut imports = names.imports.iter().filter(|import| import.name == *first);
    let imported = imports.find_map(|import| {
        let path = [&import.path, rest].concat();
        find_from(tree, module, &path, seen)
    });
    if imported.is_some() {
        return imported;
    }
    names
        .globs
        .iter()
        .find_map(|glob| match find_from(tree, module, glob, seen)? {
            Found::Module(source) if source != module => find(tree, source, path, seen),
            _ => None,
        })
}
