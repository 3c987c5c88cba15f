//! No block of the guide is without a test.

use std::fs;

use dcv_resolver_tests::repository::{files_with, in_repository};

use crate::block::Block;
use crate::chapter::{chapters, read};
use crate::site::COMMANDS;

#[test]
fn every_block_is_of_a_kind_that_a_test_runs() {
    for chapter in chapters() {
        for block in read(&chapter) {
            let is_run = match &*block.kind {
                "rust" | "rust,no_run" => is_documentation_test(&chapter),
                "rust,ignore" | "sql" => true,
                "console" | "toml" | "json" => COMMANDS.contains(&&*chapter),
                _ => false,
            };
            let Block { kind, line, .. } = block;
            assert!(is_run, "{chapter}:{line}: no test runs a block {kind:?}");
        }
    }
}

fn is_documentation_test(chapter: &str) -> bool {
    let included = format!("include_str!(\"../../docs/guide/src/{chapter}\")");
    let source = fs::read_to_string(in_repository("tests/src/guide.rs")).unwrap();
    source.contains(&included)
}

#[test]
fn quoted_code_is_that_of_the_examples() {
    let code = files_with("examples", &["rs", "sql"]);
    let code: Vec<_> = (code.iter())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for chapter in chapters() {
        for block in read(&chapter) {
            if let "rust,ignore" | "sql" = &*block.kind {
                // `…` stands for lines that are left out.
                let parts = block.text.split("…\n").map(str::trim_end);
                let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
                let is_quoted = |code: &String| parts.iter().all(|part| code.contains(part));
                assert!(
                    code.iter().any(is_quoted),
                    "{chapter}:{}: no file of examples has this:\n{}",
                    block.line,
                    block.text
                );
            }
        }
    }
}
