//! Reads a crate from its root file.

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

use crate::error::Error;
use crate::module::{Module, SourceFile, Tree};
use crate::names;

/// Reads the file `root` and every module that it declares.
pub(crate) fn read_crate(root: &Path) -> Result<Tree, Error> {
    let mut tree = Tree::default();
    let folder = root.parent().unwrap_or_else(|| Path::new(""));
    read_file(&mut tree, root.to_owned(), folder, "crate", None)?;
    Ok(tree)
}

/// Reads the module `name` from `path`; its children stand in `folder`.
fn read_file(
    tree: &mut Tree,
    path: PathBuf,
    folder: &Path,
    name: &str,
    parent: Option<usize>,
) -> Result<usize, Error> {
    let text = fs::read_to_string(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let parsed = syn::parse_file(&text).map_err(|source| Error::Parse {
        path: path.clone(),
        source,
    })?;
    tree.files.push(SourceFile {
        name: name.to_owned(),
        path,
    });
    let file = tree.files.len() - 1;
    read_items(tree, &parsed.items, folder, file, parent)
}

/// Reads a module of `file`, its children included, and returns its index.
fn read_items(
    tree: &mut Tree,
    items: &[Item],
    folder: &Path,
    file: usize,
    parent: Option<usize>,
) -> Result<usize, Error> {
    let mut module = Module {
        file,
        parent,
        ..Module::default()
    };
    let children = names::collect(items, &mut module);
    tree.modules.push(module);
    let index = tree.modules.len() - 1;
    for child in children {
        let name = child.ident.to_string();
        let folder_of_child = folder.join(&name);
        let read = match &child.content {
            Some((_, items)) => read_items(tree, items, &folder_of_child, file, Some(index)),
            None => {
                let path = file_of(child, folder, &tree.files[file].path);
                let name = match tree.files[file].name.as_str() {
                    "crate" => name.clone(),
                    parent => format!("{parent}::{name}"),
                };
                read_file(tree, path, &folder_of_child, &name, Some(index))
            }
        }?;
        tree.modules[index].children.insert(name, read);
    }
    Ok(index)
}

/// The file of `mod name;`.
fn file_of(module: &ItemMod, folder: &Path, declared_in: &Path) -> PathBuf {
    for attribute in &module.attrs {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("path")
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) = &pair.value
        {
            return declared_in.with_file_name(path.value());
        }
    }
    let nested = folder.join(module.ident.to_string()).join("mod.rs");
    if nested.exists() {
        nested
    } else {
        folder.join(format!("{}.rs", module.ident))
    }
}
