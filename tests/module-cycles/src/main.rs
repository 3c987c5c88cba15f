//! Prints the import cycles of every crate of the workspace, and fails where
//! there are any.
//!
//! ```text
//! dcv-resolver-module-cycles [PACKAGE…]   packages whose cycles are only counted
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::Deserialize;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let counted_only: Vec<String> = std::env::args().skip(1).collect();
    let metadata = metadata()?;
    // Paths are shown as they are seen from the workspace's folder.
    std::env::set_current_dir(&metadata.workspace_root)?;
    let mut crates = 0;
    let mut found = BTreeMap::<&str, Vec<String>>::new();
    for package in &metadata.packages {
        for target in &package.targets {
            let root = target.src_path.strip_prefix(&metadata.workspace_root)?;
            let cycles = cycles(root)?;
            crates += 1;
            found.entry(&package.name).or_default().extend(cycles);
        }
    }
    let mut failed = false;
    for (package, cycles) in found {
        let allowed = counted_only.iter().any(|name| name == package);
        match (allowed, cycles.len()) {
            (true, 0) => println!("{package}: no import cycle left; remove it from the list"),
            (true, count) => println!("{package}: import cycles left: {count}"),
            (false, _) => {
                failed |= !cycles.is_empty();
                for cycle in cycles {
                    eprintln!("{package}: import cycle: {cycle}");
                }
            }
        }
    }
    if failed {
        eprintln!("move what both sides need into a module that imports neither");
        return Ok(ExitCode::FAILURE);
    }
    println!("{crates} crates were checked for import cycles");
    Ok(ExitCode::SUCCESS)
}

fn cycles(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let cycles = dcv_resolver_module_cycles::cycles(root)?;
    Ok(cycles.iter().map(ToString::to_string).collect())
}

fn metadata() -> Result<Metadata, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
