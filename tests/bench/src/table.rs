//! [`Table`]: what is printed, each row as soon as it is measured.

use std::fmt;

use crate::figures::Figures;

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// What its median may be at the most, where that is promised.
    pub(crate) limit: Option<f64>,
    pub(crate) figures: Figures,
    /// How many digits of it are shown behind the point.
    pub(crate) digits: usize,
    /// What it is measured against, and how.
    pub(crate) how: String,
}

/// The rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    targets: usize,
    missed: Vec<String>,
}

impl Table {
    pub(crate) fn begin() -> Self {
        println!("| what | target | median (min–max) | | beside what, and how |");
        println!("|---|---|---|---|---|");
        Self::default()
    }

    pub(crate) fn row(&mut self, row: &Row) {
        let Row {
            name,
            limit,
            figures,
            digits,
            how,
        } = row;
        let shown = figures.shown(*digits);
        let (target, met) = match limit {
            None => (String::new(), ""),
            Some(limit) => {
                let target = format!("≤ {limit}");
                let is_met = figures.median() <= *limit;
                self.targets += 1;
                if !is_met {
                    self.missed.push(format!("{name} ({shown}, {target})"));
                }
                (target, if is_met { "met" } else { "**missed**" })
            }
        };
        println!("| {name} | {target} | {shown} | {met} | {how} |");
    }

    pub(crate) fn has_missed(&self) -> bool {
        !self.missed.is_empty()
    }
}

/// The line below it: what is missed.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { targets, missed } = self;
        match missed.as_slice() {
            [] => write!(f, "Every target of {targets} is met."),
            missed => write!(
                f,
                "{} of {targets} targets missed: {}.",
                missed.len(),
                missed.join("; ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, limit: Option<f64>, figures: &[f64]) -> Row {
        Row {
            name: name.to_owned(),
            limit,
            figures: figures.iter().copied().collect(),
            digits: 1,
            how: String::new(),
        }
    }

    #[test]
    fn a_target_is_missed_where_the_median_is_above_it() {
        let mut table = Table::default();
        table.row(&row("no target", None, &[9.0]));
        table.row(&row("at the limit", Some(2.0), &[1.0, 2.0, 9.0]));
        assert_eq!(table.to_string(), "Every target of 1 is met.");
        assert!(!table.has_missed());

        table.row(&row("above", Some(2.0), &[2.1]));
        table.row(&row("not a number", Some(2.0), &[f64::NAN]));
        let missed = "2 of 3 targets missed: above (2.1, ≤ 2); not a number (NaN, ≤ 2).";
        assert_eq!(table.to_string(), missed);
        assert!(table.has_missed());
    }
}
