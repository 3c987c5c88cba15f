//! [`Figures`]: one measurement, repeated.

use std::fmt;

/// What was measured in each round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match (sorted.len(), sorted.len() / 2) {
            (0, _) => f64::NAN,
            (length, middle) if length % 2 == 1 => sorted[middle],
            (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// This over that, round by round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect()
    }

    /// With so many digits behind the point.
    pub(crate) fn shown(&self, digits: usize) -> Shown<'_> {
        Shown {
            figures: self,
            digits,
        }
    }
}

impl From<f64> for Figures {
    fn from(figure: f64) -> Self {
        Self(vec![figure])
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// `median (min–max)`; of a single one, no more than that.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    figures: &'a Figures,
    digits: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figures, digits } = self;
        let (median, min, max) = (figures.median(), figures.min(), figures.max());
        write!(f, "{median:.digits$}")?;
        if figures.0.len() > 1 {
            write!(f, " ({min:.digits$}–{max:.digits$})")?;
        }
        Ok(())
    }
}

/// `1,000,000`.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b',')).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(figures: &[f64]) -> String {
        let figures: Figures = figures.iter().copied().collect();
        figures.shown(1).to_string()
    }

    #[test]
    fn figures_are_shown_as_their_median_and_their_spread() {
        assert_eq!(shown(&[3.0, 1.0, 2.0]), "2.0 (1.0–3.0)");
        assert_eq!(shown(&[4.0, 1.0, 2.0, 3.0]), "2.5 (1.0–4.0)");
        assert_eq!(shown(&[1.25]), "1.2");
    }

    #[test]
    fn large_numbers_are_shown_in_groups() {
        let shown = [0, 999, 1_000, 1_000_000].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,000,000"]);
    }

    #[test]
    fn one_is_set_over_the_other_round_by_round() {
        let (one, other) = (Figures(vec![2.0, 9.0]), Figures(vec![1.0, 3.0]));
        assert_eq!(one.over(&other).0, [2.0, 3.0]);
    }
}
