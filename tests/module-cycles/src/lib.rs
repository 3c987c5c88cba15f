//! Finds import cycles between the modules of a crate.
//!
//! # What counts
//!
//! A node is a module with a file of its own. There is an edge from `a` to `b`
//! where the file of `a` names an item that is *defined* in the file of `b`:
//! in a `use`, in a path, or in the arguments of a macro. Re-exports are
//! followed, so that importing `super::Item` depends on the file that defines
//! `Item`, not on the parent that re-exports it. Two things are not edges:
//!
//! - `mod child;`
//! - a re-export, `pub use child::Item` or `pub(crate) use child::Item`; a
//!   parent that also uses the name in its own code does depend on the child.
//!
//! Code under `#[cfg(test)]` is left out. Methods and fields are not resolved,
//! as they need types; nor are names that a macro defines.

mod error;
mod graph;
mod module;
mod names;
mod read;
mod resolve;

use std::path::Path;

pub use error::Error;
pub use graph::Cycle;

/// Returns the import cycles of the crate whose root file is `root`.
///
/// # Errors
///
/// Returns an error if a file of the crate is missing or is not Rust.
pub fn cycles(root: &Path) -> Result<Vec<Cycle>, Error> {
    let tree = read::read_crate(root)?;
    Ok(graph::cycles(&tree.files, &resolve::edges(&tree)))
}
