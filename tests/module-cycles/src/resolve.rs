//! Which file defines what another file names.

use std::collections::{BTreeMap, HashMap};

use crate::module::Tree;

/// For each pair of files in which the first names an item of the second, the
/// first line that does.
pub(crate) type Edges = BTreeMap<(usize, usize), usize>;

/// What paths mean in the modules of this index. A path that is being looked up
/// means nothing, which ends a search that leads back to itself.
type Known = HashMap<(usize, Vec<String>), Option<Found>>;

/// Returns the edges between the files of `tree`.
pub(crate) fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (index, module) in tree.modules.iter().enumerate() {
        for named in &module.named {
            if let Some(Found::Item { file }) =
                find_from(tree, index, &named.path, &mut Known::new())
                && file != module.file
            {
                let line = edges.entry((module.file, file)).or_insert(named.line);
                *line = named.line.min(*line);
            }
        }
    }
    edges
}

#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    Item { file: usize },
}

/// Finds `path` as it is meant in `module`.
fn find_from(tree: &Tree, module: usize, path: &[String], known: &mut Known) -> Option<Found> {
    match path.split_first() {
        Some((first, rest)) if first == "crate" => find(tree, 0, rest, known),
        _ => find(tree, module, path, known),
    }
}

/// Finds `path` among the names of `module`. A name may be an item and a module
/// at once: the last of a path is the item.
fn find(tree: &Tree, module: usize, path: &[String], known: &mut Known) -> Option<Found> {
    let Some((first, rest)) = path.split_first() else {
        return Some(Found::Module(module));
    };
    let key = (module, path.to_vec());
    if let Some(&found) = known.get(&key) {
        return found;
    }
    known.insert(key.clone(), None);
    let found = look_up(tree, module, path, first, rest, known);
    known.insert(key, found);
    found
}

fn look_up(
    tree: &Tree,
    module: usize,
    path: &[String],
    first: &String,
    rest: &[String],
    known: &mut Known,
) -> Option<Found> {
    let names = &tree.modules[module];
    match first.as_str() {
        "self" => return find(tree, module, rest, known),
        "super" => return find(tree, names.parent?, rest, known),
        _ => {}
    }
    let item = names
        .items
        .contains(first)
        .then_some(Found::Item { file: names.file });
    if rest.is_empty() && item.is_some() {
        return item;
    }
    let in_child = names.children.get(first);
    if let Some(found) = in_child.and_then(|&child| find(tree, child, rest, known)) {
        return Some(found);
    }
    if item.is_some() {
        return item;
    }
    for import in names.imports.iter().filter(|import| import.name == *first) {
        let path = [&import.path, rest].concat();
        if let Some(found) = find_from(tree, module, &path, known) {
            return Some(found);
        }
    }
    names
        .globs
        .iter()
        .find_map(|glob| match find_from(tree, module, glob, known)? {
            Found::Module(source) if source != module => find(tree, source, path, known),
            _ => None,
        })
}
