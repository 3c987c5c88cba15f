//! The documentation of problems matches the code.

use crate::problems::PROBLEMS;

/// The rows of a Markdown table, each as its cells.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.trim_start_matches("//!").trim())
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The words between backticks.
fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn table_of_answers_is_complete_and_right() {
    let documented: Vec<_> = rows(include_str!("../../src/lib.rs"))
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [_, status, reason] => Some((
                status.get(..3)?.parse().ok()?,
                words(reason).next()?,
                *status,
            )),
            _ => None,
        })
        .collect();
    for problem in PROBLEMS {
        let (status, _, cell): &(u16, _, _) = documented
            .iter()
            .find(|(_, reason, _)| *reason == problem.reason)
            .unwrap_or_else(|| panic!("{} is not documented", problem.reason));
        assert_eq!(*status, problem.status, "{}", problem.reason);
        assert_eq!(
            cell.contains("Retry-After"),
            problem.retry_after.is_some(),
            "{}",
            problem.reason
        );
    }
    assert_eq!(documented.len(), PROBLEMS.len());
}

#[test]
fn operating_guide_lists_every_reason_under_its_status() {
    let guide = include_str!("../../../docs/operating.md");
    let documented: Vec<(u16, &str)> = rows(guide)
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [status, reasons, _] => Some((status.parse().ok()?, *reasons)),
            _ => None,
        })
        .flat_map(|(status, reasons)| words(reasons).map(move |reason| (status, reason)))
        .collect();
    for problem in PROBLEMS {
        let expected = (problem.status, problem.reason);
        assert!(
            documented.contains(&expected),
            "{expected:?} is not in {documented:?}"
        );
    }
}
