//! The chapters of the guide, and their links.

use std::fs;
use std::path::Path;

use crate::block::{Block, blocks};
use crate::repository::in_repository;

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

/// The targets of the links of a text.
fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1);
    targets.filter_map(|rest| rest.split(')').next())
}

/// Checks that every link of a chapter leads to a file, and to a heading of it.
pub(crate) fn check_links(chapter: &str) {
    let markdown = text(chapter);
    for link in links(&markdown).filter(|link| !link.contains("://")) {
        let (path, heading) = link.split_once('#').unwrap_or((link, ""));
        let target = match path {
            "" => in_repository(FOLDER).join(chapter),
            path => in_repository(FOLDER).join(path),
        };
        assert!(target.exists(), "{chapter}: {link} does not exist");
        assert!(
            heading.is_empty() || has_heading(&target, heading),
            "{chapter}: {link} is not a heading"
        );
    }
}

fn has_heading(target: &Path, anchor: &str) -> bool {
    let file = match target.is_dir() {
        true => target.join("README.md"),
        false => target.to_owned(),
    };
    let text = fs::read_to_string(file).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|title| title.replace(' ', "-"))
        .any(|title| title.replace(|c: char| !c.is_alphanumeric() && c != '-', "") == anchor)
}
