//! The modules of a crate, as they are written.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// The modules of one crate; the first is its root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
    pub(crate) files: Vec<SourceFile>,
}

/// A file, and the module it holds.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// `server::tls`; the root is `crate`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// A module, with a file of its own or inline.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Index into [`Tree::files`].
    pub(crate) file: usize,
    /// Index into [`Tree::modules`]; the root has none.
    pub(crate) parent: Option<usize>,
    pub(crate) children: HashMap<String, usize>,
    /// The items that are defined here.
    pub(crate) items: HashSet<String>,
    pub(crate) imports: Vec<Import>,
    /// The paths before `::*`.
    pub(crate) globs: Vec<Vec<String>>,
    /// Every path in the code and in its private imports.
    pub(crate) named: Vec<Named>,
}

/// `use path as name`.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
}

/// A path, and where it stands.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}
