//! The chapters of the guide.

use std::fs;

use dcv_resolver_tests::repository::in_repository;

use crate::block::{Block, blocks};
use crate::link::links;

const FOLDER: &str = "docs/guide/src";

fn text(chapter: &str) -> String {
    let path = in_repository(FOLDER).join(chapter);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files that the summary lists.
pub(crate) fn chapters() -> Vec<String> {
    let summary = text("SUMMARY.md");
    let chapters: Vec<_> = links(&summary).map(str::to_owned).collect();
    let mut files = 0;
    for file in fs::read_dir(in_repository(FOLDER)).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        files += 1;
        assert!(
            name == "SUMMARY.md" || chapters.contains(&name),
            "{name} is not in the summary"
        );
    }
    assert_eq!(files, chapters.len() + 1);
    chapters
}

pub(crate) fn read(chapter: &str) -> Vec<Block> {
    blocks(&text(chapter))
}
