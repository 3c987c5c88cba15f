//! What is printed: a row as soon as it is measured.

use std::fmt;

/// What a row says beside its name.
#[derive(Debug)]
pub(crate) struct Row {
    /// `≤ 1.25`, or nothing where none is set.
    pub(crate) target: &'static str,
    /// Whether it is met, where there is one.
    pub(crate) met: Option<bool>,
    pub(crate) figure: String,
    /// What it is measured against, and how.
    pub(crate) how: String,
}

impl Row {
    /// A figure that is to be at most `limit`.
    pub(crate) fn at_most(
        target: &'static str,
        limit: f64,
        measured: f64,
        figure: impl fmt::Display,
        how: impl Into<String>,
    ) -> Self {
        Self {
            target,
            met: Some(measured <= limit),
            figure: figure.to_string(),
            how: how.into(),
        }
    }

    /// A figure that nothing is demanded of.
    pub(crate) fn told(figure: impl fmt::Display, how: impl Into<String>) -> Self {
        Self {
            target: "",
            met: None,
            figure: figure.to_string(),
            how: how.into(),
        }
    }
}

pub(crate) fn print_head() {
    println!("| what | target | median (min-max) | | beside what, and how |");
    println!("|---|---|---|---|---|");
}

pub(crate) fn print(name: &str, row: &Row) {
    let met = match row.met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    };
    let Row {
        target,
        figure,
        how,
        ..
    } = row;
    println!("| {name} | {target} | {figure} | {met} | {how} |");
}

pub(crate) fn print_skipped(name: &str, why: &str) {
    println!("| {name} | | not measured | | {why} |");
}
