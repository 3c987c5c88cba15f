//! Files that the guide has its reader write.

use std::fs;
use std::path::Path;
use std::process::Command;

use dcv_resolver_testkit::GatewayConfig;
use toml::Table;

use crate::block::Block;
use crate::manifest;

/// What the sentence before a block has the reader do with it.
pub(crate) enum Edit {
    /// Write a file.
    Write,
    /// Replace the sections of a file that have the same names.
    Change,
}

/// Returns what the sentence before a block demands: "Write `NAME`:", or "Change
/// … in `NAME`:".
pub(crate) fn edit(block: &Block) -> (Edit, &str) {
    let sentence = block.lead.rsplit(". ").next().unwrap_or_default();
    let name = sentence
        .strip_suffix("`:")
        .and_then(|it| it.rsplit('`').next());
    match (sentence.split(' ').next(), name) {
        (Some("Write"), Some(name)) => (Edit::Write, name),
        (Some("Change"), Some(name)) => (Edit::Change, name),
        _ => panic!(
            "{}: the sentence before a file must be \"Write `NAME`:\" or \"Change … in `NAME`:\"",
            block.line
        ),
    }
}

pub(crate) fn apply(edit: &Edit, path: &Path, text: &str) {
    let text = match edit {
        Edit::Write => text.to_owned(),
        Edit::Change => {
            let mut table: Table = fs::read_to_string(path).unwrap().parse().unwrap();
            table.extend(text.parse::<Table>().unwrap());
            table.to_string()
        }
    };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    check(path);
}

/// Reads the file as the program does that uses it.
fn check(path: &Path) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap();
    let arguments: &[&str] = match name {
        "resolver.toml" => &[
            "gateway-config",
            "--url-host",
            "resolver.example",
            "--config",
        ],
        "sessions.toml" | "sessions.json" => &["check", "--store"],
        "Cargo.toml" => return manifest::check(path),
        _ if name.ends_with(".conf") => {
            GatewayConfig::read(path).unwrap();
            return;
        }
        _ => panic!("no program that the test knows reads {name}"),
    };
    let scheme = match arguments.last() {
        Some(&"--store") => "file:",
        _ => "",
    };
    let output = Command::new(
        std::env::current_exe()
            .unwrap()
            .with_file_name("../dcv-resolver"),
    )
    .args(arguments)
    .arg(format!("{scheme}{}", path.display()))
    .output()
    .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", path.display());
}
