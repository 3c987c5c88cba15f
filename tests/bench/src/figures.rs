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

    fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
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

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// `median (min-max)`.
#[derive(Debug)]
pub(crate) struct Shown<'a> {
    figures: &'a Figures,
    digits: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figures, digits } = self;
        let (median, min, max) = (figures.median(), figures.min(), figures.max());
        write!(f, "{median:.digits$} ({min:.digits$}-{max:.digits$})")
    }
}
