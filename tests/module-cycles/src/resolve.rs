//! Which file defines what another file names.

use std::collections::BTreeMap;

use crate::module::Tree;

/// For each pair of files in which the first names an item of the second, the
/// first line that does.
pub(crate) type Edges = BTreeMap<(usize, usize), usize>;

/// Longer chains of re-exports are taken for endless ones.
const MAX_DEPTH: usize = 32;

/// Returns the edges between the files of `tree`.
pub(crate) fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (index, module) in tree.modules.iter().enumerate() {
        for named in &module.named {
            if let Some(Found::Item { file }) = find_from(tree, index, &named.path, 0)
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

/// Finds `path` as it is meant in `module`.
fn find_from(tree: &Tree, module: usize, path: &[String], depth: usize) -> Option<Found> {
    match path.split_first() {
        Some((first, rest)) if first == "crate" => find(tree, 0, rest, depth),
        _ => find(tree, module, path, depth),
    }
}

/// Finds `path` among the names of `module`. A name may be an item and a module
/// at once: the last of a path is the item.
fn find(tree: &Tree, module: usize, path: &[String], depth: usize) -> Option<Found> {
    let Some((first, rest)) = path.split_first() else {
        return Some(Found::Module(module));
    };
    if depth > MAX_DEPTH {
        return None;
    }
    let depth = depth + 1;
    let names = &tree.modules[module];
    match first.as_str() {
        "self" => return find(tree, module, rest, depth),
        "super" => return find(tree, names.parent?, rest, depth),
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
        .and_then(|&child| find(tree, child, rest, depth));
    let imported = || {
        let mut imports = names.imports.iter().filter(|import| import.name == *first);
        imports.find_map(|import| {
            let path = [&import.path, rest].concat();
            find_from(tree, module, &path, depth)
        })
    };
    let in_glob = || {
        names
            .globs
            .iter()
            .find_map(|glob| match find_from(tree, module, glob, depth)? {
                Found::Module(source) if source != module => find(tree, source, path, depth),
                _ => None,
            })
    };
    in_child.or(item).or_else(imported).or_else(in_glob)
}
