//! The links of Markdown files.

use std::fs;
use std::path::Path;

use dcv_resolver_tests::repository::files_with;

/// The targets of the links of a text.
pub(crate) fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1);
    targets.filter_map(|rest| rest.split(')').next())
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

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for page in files_with("", &["md"]) {
        let (markdown, page_name) = (fs::read_to_string(&page).unwrap(), page.display());
        // Those of a README that is a crate's documentation may name an item.
        let is_of_files = |link: &&str| !link.contains("::") && !link.contains("://");
        for link in links(&markdown).filter(is_of_files) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => page.clone(),
                path => page.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page_name}: {link} does not exist");
            assert!(
                heading.is_empty() || has_heading(&target, heading),
                "{page_name}: {link} is not a heading"
            );
        }
    }
}
