//! Prints the import cycles of every crate of the workspace, and fails where
//! there are any.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::error::Error;
use std::path::PathBuf;
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
    let metadata = metadata()?;
    // Paths are shown as they are seen from the workspace's folder.
    std::env::set_current_dir(&metadata.workspace_root)?;
    let mut crates = 0;
    let mut failed = false;
    for package in &metadata.packages {
        for target in &package.targets {
            let root = target.src_path.strip_prefix(&metadata.workspace_root)?;
            crates += 1;
            for cycle in dcv_resolver_module_cycles::cycles(root)? {
                failed = true;
                eprintln!("{}: import cycle: {cycle}", package.name);
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
