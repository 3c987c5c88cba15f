//! `scripts/plain-language`, which finds words that have a plainer one.

#![expect(clippy::unwrap_used, reason = "a test panics on the first failure")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn plain_language(text: &str) -> Output {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("text.rs"), text).unwrap();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/plain-language"))
        .arg("text.rs")
        .current_dir(&folder)
        .output()
        .unwrap()
}

/// Each word is put together here, so that this file does not contain it.
#[test]
fn word_is_found_in_prose_names_and_any_case() {
    let word = ["tol", "d"].concat();
    let capital = ["Tol", "d"].concat();
    for line in [
        format!("// The listener is {word} of it."),
        format!("fn listener_is_{word}() {{"),
        format!("struct Every{capital};"),
        format!("enum {capital}ApartBy {{"),
        format!("const {}: u8 = 1;", word.to_uppercase()),
    ] {
        let output = plain_language(&format!("\n{line}\n"));
        assert_eq!(output.status.code(), Some(1), "{line}");
        let printed = String::from_utf8(output.stderr).unwrap();
        let expected = format!("text.rs:2:{line}  → reported, notified, logged\n");
        assert!(printed.starts_with(&expected), "{printed}");
    }
}

#[test]
fn word_inside_another_word_is_not_found() {
    let output = plain_language("// A stold, a toldor and a deltold.\n// Reported.\n");
    assert_eq!(output.status.code(), Some(0));
}
